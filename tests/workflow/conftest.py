"""Copies of the project: one in which nothing was made yet, one with a finished table."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from project import Project


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which nothing was made yet; for dry-runs."""
    return Project.new(tmp_path_factory.mktemp("fresh") / "project")


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
            done = Project.tiny(making).snakemake()
            assert done.returncode == 0, done.stdout
            making.rename(made)
    return Project(made).copy(base / "finished")


@pytest.fixture
def unfinished(tmp_path: Path) -> Project:
    """A clone in which nothing of the tiny table was made."""
    return Project.tiny(tmp_path / "project")
