"""What README and docs/coverage.md say has been made is what the files say."""

import re
import shutil
from pathlib import Path

import pytest
from artefacts import CONFIG, metrics, process
from scripts import REPO

import describe_coverage
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.results.bits import Published
from cogloat.results.evidence import Evidence, Kept
from cogloat.results.provenance import Evaluation, Run, Stage

PAGES = ("README.md", "docs/coverage.md")
BITS = REPO / "tests/bits.json"
DEMO = REPO / "docs/demo_bits.json"


def described(folder: Path, *evidence: Path) -> str:
    """Return the two pages, written anew."""
    pages = [Path(shutil.copy(REPO / name, folder / Path(name).name)) for name in PAGES]
    arguments = ["--config", CONFIG, "--small", BITS, "--evidence", *evidence, "--pages", *pages]
    describe_coverage.main([str(one) for one in arguments])
    return "".join(page.read_text() for page in pages)


def evidence(path: Path, method: str = "ce", accuracy: float = 71.25, **changes) -> Path:
    """Write evidence of one run."""
    own = metrics(method=method, accuracy=accuracy, best_accuracy=accuracy + 0.25, **changes)
    stage = Stage(
        **{"stage": "train", "epochs": 200, "augmentations": ("crop_flip",), "seconds": 1.0},
        **{"identity": {}, "outputs": {}, "processes": (process(),)},
    )
    run = Run(stages=(stage,), evaluation=Evaluation(identity={}, processes=(process(),)))
    kept = Kept(made="2026-11-26", revision="abc1234", metrics=own, provenance=run)
    Evidence(runs=(kept,)).write(path)
    return path


def test_pages_say_what_the_files_say(tmp_path):
    """`make coverage` writes them anew."""
    kept = sorted(REPO.glob("results/*/evidence.json"))
    assert described(tmp_path, *kept) == "".join((REPO / name).read_text() for name in PAGES)


def test_run_at_its_whole_budget_is_counted_and_shown(tmp_path):
    whole = {"train": 200}
    text = described(tmp_path, evidence(tmp_path / "evidence.json", epochs=whole))
    assert re.search(r"^\| table2 \| accuracy \| \d+ \| \d+ \| 1 of \d+ \|$", text, re.M)
    assert re.search(r"^\| CE \|.* 1 of 18 \|", text, re.M)
    row = "| CE | CIFAR-10-LT IF 100 | 200 | 0 | 71.25, best 71.50 | 71.2 | 70.4 |"
    assert f"{row} 2026-11-26, abc1234 |" in text


def test_seeds_are_one_row_and_windows_decide(tmp_path):
    whole = {"epochs": {"train": 200}}
    found = {("ce", 0): 68.0, ("ce", 1): 71.0, ("ldam_drw", 1): 76.25}
    files = [
        evidence(tmp_path / f"{method}{seed}.json", method, accuracy, seed=seed, **whole)
        for (method, seed), accuracy in found.items()
    ]
    text = described(tmp_path, *files)
    row = "| CE | CIFAR-10-LT IF 100 | 200 | 0 1 | 69.5 ± 2.1, best 69.8 | 71.2 | EPYC, float32 |"
    assert f"{row} 2026-11-26, abc1234 |" in text
    assert "3 of 4 windows hold: CE 68.00 (68.5 to 73.5, seed 0) fails; CE 71.00 (" in text
    assert "LDAM-DRW less CE 5.25 (3.5 to 8.5, seed 1) holds" in text


def test_shorter_run_is_shown_and_not_counted(tmp_path):
    text = described(tmp_path, evidence(tmp_path / "evidence.json", epochs={"train": 199}))
    assert re.search(r"^\| table2 \| accuracy \| \d+ \| \d+ \| 0 of \d+ \|$", text, re.M)
    assert "| CE | CIFAR-10-LT IF 100 | 199 | 0 |" in text


def test_page_without_a_block_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("# A page\n")
    arguments = ["--config", CONFIG, "--small", BITS, "--pages", tmp_path / "page.md"]
    with pytest.raises(UserError, match=r"has none of the lines '<!-- tables -->'"):
        describe_coverage.main([str(one) for one in arguments])


def test_evidence_of_no_day_is_refused(tmp_path):
    path = evidence(tmp_path / "evidence.json", epochs={"train": 200})
    path.write_text(path.read_text().replace("2026-11-26", "yesterday"))
    with pytest.raises(UserError, match=r"evidence.json: .*Write it anew by keep_evidence.py"):
        Evidence.read(path)


def test_table_of_the_demo_is_the_published_one(tmp_path):
    """CI makes the demo and holds its files, this table among them, against their hashes."""
    (block,) = re.findall(
        r"^<!-- demo -->\n(.*?)^<!-- end -->$", (REPO / "README.md").read_text(), re.M | re.S
    )
    (tmp_path / "table2.md").write_text(block)
    assert sha256(tmp_path / "table2.md") == Published.read(DEMO).files["results/demo/table2.md"]
