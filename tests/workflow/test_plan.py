"""What the graph says of a collection's cost: before it is made, to a cluster, and afterwards."""

import json
import re

import pytest
from project import Project

from cogloat.results.calibration import Calibration
from cogloat.results.jobs import read_jobs

pytestmark = pytest.mark.slow
CALIBRATION = "results/calibration/digits.json"


def faster(project: Project, file: str, times: float) -> None:
    """Divide the time of every step in a calibration."""
    path = project.root / file
    document = json.loads(path.read_text())
    for work in document["works"].values():
        work["step"] /= times
    path.write_text(json.dumps(document))


def runtimes(project: Project, *arguments: str) -> list[int]:
    """Return the minutes that jobs ask for."""
    done = project.snakemake("-n", *arguments)
    assert done.returncode == 0, done.stdout
    return [int(minutes) for minutes in re.findall(r"runtime=(\d+)", done.stdout)]


@pytest.mark.long
def test_the_demo_is_planned_by_a_calibration(tmp_path):
    project = Project.new(tmp_path / "project")
    done = project.snakemake("--set-resources", "calibrate:gpu=0", "--", "calibrations")
    assert done.returncode == 0, done.stdout
    found = Calibration.read(project.root / CALIBRATION)
    # TSC's targets are made by the graph first, so that its steps are measured too
    names = {work.measured_on for work in found.works.values()}
    assert {"kcl/pretrain", "kcl/finetune", "cogloat_proco/pretrain", "ce/train"} <= names

    done = project.snakemake("results/demo/plan.csv")
    assert done.returncode == 0, done.stdout
    jobs = read_jobs(project.root / "results/demo/plan_jobs.csv")
    stages = [job for job in jobs if job.job in ("pretrain", "finetune", "train")]
    assert len(stages) == 28
    assert {job.basis for job in stages} == {"measured"}
    text = (project.root / "results/demo/plan.md").read_text()
    assert "digits was measured on" in text
    # nothing was trained for it, and nothing has to be planned again
    assert not (project.root / "results/runs").exists()
    assert project.plan("results/demo/plan.csv") == {}

    # a faster machine plans another plan, and lets jobs ask for less
    one = "results/runs/digits/if10/kcl/seed0/pretrain/weights.pt"
    before = runtimes(project, one)
    faster(project, CALIBRATION, 0.01)
    assert set(project.plan("results/demo/plan.csv")) == {"plan"}
    assert max(runtimes(project, one)) > max(before)


def test_a_plan_without_a_calibration_stands_on_the_configuration(fresh):
    done = fresh.snakemake("results/readings/plan.csv")
    assert done.returncode == 0, done.stdout
    jobs = read_jobs(fresh.root / "results/readings/plan_jobs.csv")
    assert {job.basis for job in jobs} == {"config"}
    assert "No calibration was given" in (fresh.root / "results/readings/plan.md").read_text()


@pytest.mark.long
def test_a_calibration_makes_no_result_out_of_date(finished):
    assert finished.plan() == {}
    done = finished.snakemake("results/calibration/tiny.json")
    assert done.returncode == 0, done.stdout
    assert finished.plan() == {}


def test_what_trainings_took_is_beside_what_was_expected(finished):
    done = finished.snakemake("results/tiny/plan_check.csv")
    assert done.returncode == 0, done.stdout
    ran = set(finished.plan("results/tiny/plan_check.csv"))
    assert ran == set()
    text = (finished.root / "results/tiny/plan_check.md").read_text()
    last = text.split("| all | ")[1].split(" | ")
    ended, planned = last[0].split(" of ")
    assert ended == planned
    assert float(last[3]) > 0
