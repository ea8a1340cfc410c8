"""Copies of the project: one in which nothing was made yet, one with a finished table."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
import yaml
from project import Project
from scripts import OVERRIDES


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which nothing was made yet; for dry-runs."""
    return Project.new(tmp_path_factory.mktemp("fresh") / "project")


def tiny(root: Path) -> Project:
    """A clone whose only collection is of tiny runs: digits, factor 10, one seed, every table."""
    project = Project.new(root)
    config = project.root / "config"
    dataset = yaml.safe_load((config / "datasets" / "digits.yaml").read_text())
    (config / "datasets" / "tiny.yaml").write_text(
        yaml.safe_dump(dataset | {"label": "Tiny", "overrides": OVERRIDES})
    )
    workflow = yaml.safe_load((config / "config.yaml").read_text())
    smaller = {"datasets": ["tiny"], "factors": [10], "seeds": [0]}
    tables = {
        name: grid | smaller if isinstance(grid, dict) else grid
        for name, grid in workflow["collections"]["paper"].items()
    }
    only = {"collection": "tiny", "collections": {"tiny": tables}}
    (config / "config.yaml").write_text(
        yaml.safe_dump(workflow | only | {"timing": {"rounds": 2, "steps": 1}})
    )
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which the tiny tables were made: once, then copied for each test process."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, making = shared / "made", shared / "making"
    with (shared / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(making, ignore_errors=True)  # of a process that failed
            done = tiny(making).snakemake()
            assert done.returncode == 0, done.stdout
            making.rename(made)
    return Project(made).copy(base / "finished")


@pytest.fixture
def unfinished(tmp_path: Path) -> Project:
    """A clone in which nothing of the tiny table was made."""
    return tiny(tmp_path / "project")
