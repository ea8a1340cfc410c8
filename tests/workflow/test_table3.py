"""Table 3 on ImageNet-LT in miniature: from JPEG files and lists to the accuracies of every row."""

import pandas as pd
import pytest
import yaml
from imagenet import make_miniature
from project import Project

from cogloat.results.metrics import GROUPS
from cogloat.results.provenance import Stage

pytestmark = pytest.mark.slow

SHARED = ("ce", "kcl", "tsc", "cogloat", "cogloat_proco", "paco", "bcl", "balanced_softmax")


@pytest.fixture(scope="module", params=[1, 2])
def made(request, tmp_path_factory) -> tuple[Project, int]:
    """The table, of trainings by one process and by two."""
    root = tmp_path_factory.mktemp("table3")
    project = Project.new(root / "project")
    config = project.root / "config"
    file = make_miniature(root / "raw").describe(config)
    dataset = yaml.safe_load(file.read_text())
    dataset["resources"]["processes"] = request.param
    file.write_text(yaml.safe_dump(dataset, sort_keys=False))
    workflow = yaml.safe_load((config / "config.yaml").read_text())
    table = workflow["collections"]["paper"]["tables"]["table3"]
    table |= {"datasets": ["miniature"], "seeds": [0]}
    only = {"collection": "paper", "collections": {"paper": {"tables": {"table3": table}}}}
    (config / "config.yaml").write_text(yaml.safe_dump(workflow | only, sort_keys=False))
    done = project.snakemake("results/table3.csv")
    assert done.returncode == 0, done.stdout
    return project, request.param


def rows(project: Project) -> list[str]:
    """Return the methods that the table is to have."""
    workflow = yaml.safe_load((project.root / "config/config.yaml").read_text())
    return workflow["collections"]["paper"]["tables"]["table3"]["methods"]


def test_every_row_has_every_column(made):
    project, _ = made
    table = pd.read_csv(project.root / "results/table3.csv")
    columns = [*GROUPS, "all", "group_mean", "all_best_on_validation"]
    assert list(dict.fromkeys(table["group"])) == columns
    found = table.pivot(index="method", columns="group", values="mean")
    assert sorted(found.index) == sorted(rows(project))
    assert found.notna().all(axis=None)
    assert ((found >= 0) & (found <= 100)).all(axis=None)
    groups = found[list(GROUPS)].mean(axis=1)
    pd.testing.assert_series_equal(found["group_mean"], groups, check_names=False)
    assert (found["all"] - groups).abs().max() > 0.01  # the true one


def test_trainings_are_shared_by_as_many_processes_as_their_groups_allow(made):
    project, processes = made
    folder = project.root / "results/runs/miniature/natural"
    for method in SHARED:
        for file in folder.glob(f"{method}/seed0/*/provenance.json"):
            (process,) = Stage.read(file).processes
            assert process.ranks == processes, file


def test_what_is_computed_starts_from_the_run_that_lws_and_crt_start_from(made):
    project, _ = made
    folder = project.root / "results/runs/miniature/natural"
    start = Stage.read(folder / "ce/seed0/train/provenance.json").outputs["weights.pt"]
    for method in ("lws", "crt", "tau_norm", "ncm"):
        stage = Stage.read(folder / method / "seed0/train/provenance.json")
        assert stage.identity["start"] == start
