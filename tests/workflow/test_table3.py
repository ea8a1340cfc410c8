"""Table 3 on ImageNet-LT in miniature: from JPEG files and lists to the accuracies of every row."""

import pandas as pd
import pytest
import yaml
from imagenet import make_miniature
from project import Project
from scripts import REPO

from cogloat.results.metrics import GROUPS
from cogloat.results.provenance import Stage

pytestmark = pytest.mark.long


SHARED = ["cogloat_proco", "bcl"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Every row, of trainings by one process each."""
    return make(tmp_path_factory, processes=1)


def make(
    tmp_path_factory: pytest.TempPathFactory, processes: int, methods: list[str] | None = None
) -> Project:
    """Return a project with the table; of all its methods, or of some."""
    root = tmp_path_factory.mktemp("table3")
    project = Project.new(root / "project")
    config = project.root / "config"
    file = make_miniature(root / "raw").describe(config)
    dataset = yaml.safe_load(file.read_text())
    dataset["resources"]["processes"] = processes
    file.write_text(yaml.safe_dump(dataset, sort_keys=False))
    workflow = yaml.safe_load((config / "config.yaml").read_text())
    table = workflow["collections"]["paper"]["tables"]["table3"]
    table |= {"datasets": ["miniature"], "seeds": [0], "methods": methods or table["methods"]}
    only = {"collection": "paper", "collections": {"paper": {"tables": {"table3": table}}}}
    (config / "config.yaml").write_text(yaml.safe_dump(workflow | only, sort_keys=False))
    done = project.snakemake("results/table3.csv")
    assert done.returncode == 0, done.stdout
    return project


def read(project: Project) -> pd.DataFrame:
    """Return the table: a row a method, a column a group."""
    table = pd.read_csv(project.root / "results/table3.csv")
    columns = [*GROUPS, "all", "group_mean", "all_best_on_validation"]
    assert list(dict.fromkeys(table["group"])) == columns
    return table.pivot(index="method", columns="group", values="mean")


def stages(project: Project, method: str) -> list[Stage]:
    """Return what a run says of its stages."""
    folder = project.root / f"results/runs/miniature/natural/{method}/seed0"
    return [Stage.read(file) for file in folder.glob("*/provenance.json")]


def test_every_row_has_every_column(made: Project):
    table = read(made)
    workflow = yaml.safe_load((REPO / "config/config.yaml").read_text())
    methods = workflow["collections"]["paper"]["tables"]["table3"]["methods"]
    assert sorted(table.index) == sorted(methods)
    assert table.notna().all(axis=None)
    assert ((table >= 0) & (table <= 100)).all(axis=None)
    groups = table[list(GROUPS)].mean(axis=1)
    pd.testing.assert_series_equal(table["group_mean"], groups, check_names=False)
    assert (table["all"] - groups).abs().max() > 0.01  # the true one


def test_what_is_computed_starts_from_the_run_that_lws_and_crt_start_from(made: Project):
    (start,) = stages(made, "ce")
    for method in ("lws", "crt", "tau_norm", "ncm"):
        (stage,) = stages(made, method)
        assert stage.identity["start"] == start.outputs["weights.pt"]


def test_rows_are_made_by_one_process_and_by_two(
    made: Project, tmp_path_factory: pytest.TempPathFactory
):
    two = make(tmp_path_factory, processes=2, methods=SHARED)
    assert sorted(read(two).index) == sorted(SHARED)
    for project, processes in ((made, 1), (two, 2)):
        for method in SHARED:
            ranks = [process.ranks for own in stages(project, method) for process in own.processes]
            assert set(ranks) == {processes}, method
