"""Results whose code changed stay, if and only if no bit of what it makes does."""

import json
from pathlib import Path

import pytest
from project import Project, interpreters

METRICS = "results/runs/tiny/if10/ldam/seed0/metrics.json"
LOSS = "src/cogloat/methods/classifier/loss.py"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository with the results of one method, the only one it has."""
    project = Project.tiny(tmp_path_factory.mktemp("certify") / "project")
    for file in (project.root / "config/methods").glob("*.yaml"):
        if file.stem != "ldam":
            file.unlink()
    config = project.root / "config/config.yaml"
    config.write_text(
        "collection: tiny\nconfidence: 0.95\nruntime: {start: 20, margin: 2.0}\n"
        "collections: {tiny: {tables: {two: {kind: accuracy, datasets: [tiny], factors: [10], "
        "methods: [ldam], seeds: [0]}}}}\n"
    )
    (project.root / ".gitignore").write_text("/.snakemake/\n/data/\n/results/\n/logs/\n/scratch/\n")
    for command in (
        ("git", "init", "--quiet"),
        ("git", "add", "."),
        ("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "made"),
    ):
        assert project.run(*command).returncode == 0
    done = project.snakemake()
    assert done.returncode == 0, done.stdout
    return project


def certify(project: Project):
    command = ("python", "src/certify.py", "--output", "workflow/certified.json")
    return project.run(*command, **interpreters())


def test_refactoring_keeps_the_results_and_later_ones_record_it(made: Project, tmp_path: Path):
    project = made.copy(tmp_path / "project")
    project.change(LOSS, "margin_BC = F.one_hot", "shift_BC = F.one_hot")
    project.change(LOSS, "cosines_BC - margin_BC", "cosines_BC - shift_BC")
    assert set(project.plan()) >= {"train"}
    done = certify(project)
    assert done.returncode == 0, done.stdout
    assert "train.py classifier" in done.stdout
    assert project.plan() == {}
    again = project.snakemake("-R", "train", "--", METRICS)
    assert again.returncode == 0, again.stdout
    run = project.root / Path(METRICS).parent
    stage = json.loads((run / "train/provenance.json").read_text())
    first = made.root / Path(METRICS).parent
    before = json.loads((first / "train/provenance.json").read_text())
    assert stage["identity"] == before["identity"]
    certificates = json.loads((project.root / "workflow/certified.json").read_text())["certified"]
    assert before["certified"] is None
    assert certificates[stage["certified"]]["stands_for"] == before["identity"]["code"]


def test_change_of_a_bit_is_named_and_certifies_nothing(made: Project, tmp_path: Path):
    project = made.copy(tmp_path / "project")
    project.change(LOSS, "scale * (cosines_BC - margin_BC)", "scale * cosines_BC - margin_BC")
    done = certify(project)
    assert done.returncode == 2
    assert "error: results/runs/tiny/if10/ldam/seed0/" in done.stdout
    assert "Nothing was certified" in done.stdout
    assert not (project.root / "workflow/certified.json").exists()
    assert set(project.plan()) >= {"train"}
