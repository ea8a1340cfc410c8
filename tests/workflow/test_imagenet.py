"""ImageNet-LT in miniature through the graph: from JPEG files and lists to an accuracy."""

import shutil
from pathlib import Path

import pytest
from imagenet import COUNTS, make_miniature
from project import Project

from cogloat.data.longtail import read_split
from cogloat.results.metrics import Metrics

pytestmark = pytest.mark.long

RUN = "results/runs/{}/natural/ce/seed0/metrics.json"
STORE = {"decode", "split", "configure_stage", "train", "evaluate"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("imagenet")
    made = make_miniature(root / "raw")
    project = Project.new(root / "project")
    made.describe(project.root / "config")
    return project


def test_without_its_images_imagenet_is_planned_and_not_run(project):
    planned = project.snakemake("-n", RUN.format("imagenet_lt"))
    assert planned.returncode == 0, planned.stdout
    warning = (
        "warning: planned without the images of imagenet_lt: data/raw/imagenet: no such folder"
    )
    assert planned.stdout.count(warning) == 1
    assert set(project.plan(RUN.format("imagenet_lt"))) == STORE
    done = project.snakemake(RUN.format("imagenet_lt"))
    assert done.returncode != 0
    assert "error: data/raw/imagenet: no such folder. Correct source.root" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_run_on_the_listed_images_chooses_its_epoch_by_the_listed_validation(project):
    target = RUN.format("miniature")
    assert set(project.plan(target)) == STORE
    done = project.snakemake(target)
    assert done.returncode == 0, done.stdout
    indices, _ = read_split(project.root / "results/splits/miniature/natural.csv")
    assert indices.tolist() == list(range(sum(COUNTS)))
    found = Metrics.read(project.root / target)
    assert found.judged_by == "validation"
    assert found.validation_accuracy is not None
    assert found.class_counts == COUNTS
    assert not (project.root / "data/miniature/unfinished").exists()
    assert project.plan(target) == {}
    assert accuracy_of_files(project) == pytest.approx(found.accuracy)


def accuracy_of_files(project: Project) -> float:
    """Return the accuracy of what the run predicts for the test images' own files."""
    run, output = Path(RUN.format("miniature")).parent, project.root / "predictions.csv"
    line = ["python", "src/predict.py", "--run", str(run), "--output", str(output)]
    done = project.run(*line, str(project.root.parent / "raw/images/val"))
    assert done.returncode == 0, done.stdout
    rows = [row.split(",") for row in output.read_text().splitlines()[1:]]
    right = [Path(row[0]).parent.name == row[1] for row in rows]  # classes are called by folders
    assert len(right) == 3 * len(COUNTS)
    return 100 * sum(right) / len(right)


def test_results_stay_where_the_images_are_not_there_any_more(project):
    target, away = RUN.format("miniature"), Path(f"{project.root.parent}/away")
    shutil.move(project.root.parent / "raw/images", away)
    try:
        assert project.plan(target) == {}
    finally:
        shutil.move(away, project.root.parent / "raw/images")
