"""Copies of the project: one in which nothing was made yet, one with a finished table."""

import pytest
import yaml
from project import Project
from scripts import OVERRIDES


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which nothing was made yet; for dry-runs."""
    return Project(tmp_path_factory.mktemp("fresh") / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which a table of tiny runs was made: digits, factor 10, four methods, one seed."""
    project = Project(tmp_path_factory.mktemp("finished") / "project")
    config = project.root / "config"
    dataset = yaml.safe_load((config / "datasets" / "digits.yaml").read_text())
    (config / "datasets" / "tiny.yaml").write_text(
        yaml.safe_dump(dataset | {"label": "Tiny", "overrides": OVERRIDES})
    )
    workflow = yaml.safe_load((config / "config.yaml").read_text())
    grid = workflow["collections"]["paper"]["table2"]
    tiny = {"table2": grid | {"datasets": ["tiny"], "factors": [10], "seeds": [0]}}
    (config / "config.yaml").write_text(
        yaml.safe_dump({"collection": "tiny", "collections": {"tiny": tiny}})
    )
    done = project.snakemake()
    assert done.returncode == 0, done.stdout
    return project
