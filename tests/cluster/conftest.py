"""Projects whose jobs a real SLURM runs in the real image; tests/cluster/run.sh makes both."""

import os
from pathlib import Path

import pytest
import scene
from project import Project
from scripts import REPO

IMAGE = "containers/train.sif"


def with_image(project: Project) -> Project:
    (project.root / IMAGE).symlink_to(REPO / IMAGE)
    return project


@pytest.fixture(scope="session")
def reference() -> Project:
    """The scene, made by processes of another machine's user, without image and SLURM."""
    return Project(Path(os.environ["COGLOAT_REFERENCE"]))


@pytest.fixture
def long(tmp_path: Path) -> Project:
    """A clone in which trainings last long enough to be interrupted."""
    return with_image(scene.build(tmp_path / "project"))


@pytest.fixture
def short(tmp_path: Path) -> Project:
    """A clone in which trainings last seconds."""
    return with_image(Project.tiny(tmp_path / "project"))
