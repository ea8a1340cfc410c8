"""Copies of the project: one in which nothing was made yet, one with a finished table."""

import fcntl
import shutil
from pathlib import Path

import pytest
from project import Project, state


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which nothing was made yet; for dry-runs."""
    return Project.new(tmp_path_factory.mktemp("fresh") / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Project:
    """A clone in which the tiny tables were made, copied for each test process.

    They are made once and kept in pytest's cache until a file that they are made of changes.
    """
    kept = pytestconfig.cache.mkdir("finished")
    made, making = kept / state(), kept / "making"
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in filter(Path.is_dir, kept.iterdir()):  # of other files, or of a failure
                shutil.rmtree(old)
            done = Project.tiny(making).snakemake()
            assert done.returncode == 0, done.stdout
            making.rename(made)
        return Project(made).copy(tmp_path_factory.getbasetemp() / "finished")


@pytest.fixture
def unfinished(tmp_path: Path) -> Project:
    """A clone in which nothing of the tiny table was made."""
    return Project.tiny(tmp_path / "project")
