"""docs/tour.ipynb: every cell works, and what it shows is what today's code prints."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from scripts import REPO

FILE = REPO / "docs/tour.ipynb"
OURS = {"metadata": {"path": str(FILE.parent)}}

pytestmark = pytest.mark.long


def shown(cell):
    """Return what a cell prints, and of what kinds its pictures are."""
    printed = "".join(output.get("text", "") for output in cell.outputs)
    return printed, [sorted(output.data) for output in cell.outputs if "data" in output]


@pytest.fixture
def as_in_jupyter(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")


def test_every_cell_works_and_shows_what_is_committed(as_in_jupyter):
    """`jupyter execute --inplace docs/tour.ipynb` writes it anew."""
    committed = nbformat.read(FILE, as_version=4)
    made = nbformat.from_dict(committed)
    NotebookClient(made, timeout=600, kernel_name="python3", resources=OURS).execute()
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    again = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for old, new in zip(code, again, strict=True):
        assert shown(new) == shown(old), old.source
    assert sum("image/png" in kinds for cell in code for kinds in shown(cell)[1]) == 5


def test_every_link_leads_somewhere():
    cells = nbformat.read(FILE, as_version=4).cells
    text = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 3
    for link in links:
        assert (FILE.parent / link).exists(), link
