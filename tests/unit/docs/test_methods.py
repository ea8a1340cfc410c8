"""The pages about methods say what config/ says, and leave no room and no method out."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from pages import links, name_of
from scripts import REPO, must, run

from cogloat.methods.rooms import settings_types

FOLDER = REPO / "docs/methods"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
METHODS = REPO / "config/methods"


@pytest.fixture
def copies(tmp_path):
    """A copy of the folder of the pages."""
    return Path(shutil.copytree(FOLDER, tmp_path / "pages"))


@pytest.mark.slow
def test_what_is_written_of_the_configuration_is_what_it_says(copies):
    """`python src/describe_methods.py --config config --pages docs/methods` writes it anew."""
    must("describe_methods.py", "--config", REPO / "config", "--pages", copies)
    for page in FOLDER.iterdir():
        assert (copies / page.name).read_text() == page.read_text(), name_of(page)


@pytest.mark.slow
def test_an_expected_number_and_a_printed_one_are_taken_from_their_files(tmp_path, copies):
    config = shutil.copytree(REPO / "config", tmp_path / "config")
    for name, old, new in (
        ("methods/ce.yaml", "mean: 38.3,", "mean: 12.34,"),
        ("paper/table2.csv", "ce,cifar100,50,43.9,", "ce,cifar100,50,1.2,0.5"),
    ):
        text = (config / name).read_text()
        assert text.count(old) == 1
        (config / name).write_text(text.replace(old, new))
    page = copies / "classifier.md"
    before = page.read_text()
    must("describe_methods.py", "--config", config, "--pages", copies)
    changed = [
        line
        for line, old in zip(page.read_text().splitlines(), before.splitlines(), strict=True)
        if line != old
    ]
    printed, expected = changed
    assert "| 1.2 ± 0.5 |" in printed
    assert "| 12.34 <sup>" in expected


def test_every_room_has_a_page_and_the_index_leads_to_it():
    rooms = Counter()
    index = (FOLDER / "README.md").read_text()
    for page in PAGES:
        (listed,) = re.findall(r"^<!-- methods of (.*) -->$", page.read_text(), re.M)
        rooms.update(listed.split())
        line = next(line for line in index.splitlines() if f"| [{page.name}](" in line)
        assert re.findall(r"`(\w+)`", line) == listed.split()
    assert rooms == Counter(settings_types().keys())


def test_every_method_is_in_the_table_of_one_page_and_every_base_is_linked():
    first = re.compile(r"^\| [^|]+ \| \[(\w+)\]\(\.\./\.\./config/methods/\1\.yaml\) \|", re.M)
    listed = Counter(name for page in PAGES for name in first.findall(page.read_text()))
    assert listed == Counter(path.stem for path in METHODS.glob("*.yaml"))
    linked = {target for page in PAGES for _, target in links(page)}
    assert {f"../../config/methods/base/{path.name}" for path in METHODS.glob("base/*")} <= linked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# A page\n", "no page has a line '<!-- methods of ROOM -->'"),
        ("<!-- methods of moko -->\n<!-- end -->\n", "'moko' is unknown. Did you mean 'moco'?"),
    ],
)
def test_folder_without_such_a_page_and_a_page_of_no_room_are_refused(tmp_path, text, words):
    page = tmp_path / "page.md"
    page.write_text(text)
    done = run("describe_methods.py", "--config", REPO / "config", "--pages", tmp_path)
    assert done.returncode != 0
    assert words in done.stderr
    assert page.read_text() == text
