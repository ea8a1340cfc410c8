"""Expected beside actual, from files written by hand."""

import math

import pytest
from artefacts import process
from scripts import run

from cogloat.reporting.plan_check import comparison, to_markdown
from cogloat.results.jobs import PlannedJob, write_jobs
from cogloat.results.provenance import Stage

RUN = "digits/if100/kcl/seed{}"


def planned(stage: str, seed: int, seconds: float) -> PlannedJob:
    return PlannedJob(stage, RUN.format(seed), 2.0, seconds, 500, 0, 1.0, "measured")


def trained(root, stage: str, seed: int, *seconds: float, benchmark: str | None = None):
    folder = root / "runs" / RUN.format(seed) / stage
    folder.mkdir(parents=True)
    processes = tuple(process(seconds=own) for own in seconds)
    Stage(
        **{"stage": stage, "epochs": 3, "augmentations": (), "identity": {}, "outputs": {}},
        processes=processes,
        seconds=sum(seconds),
    ).write(folder / "provenance.json")
    if benchmark is not None:
        path = root / "benchmarks" / RUN.format(seed) / f"{stage}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{benchmark}\n")


@pytest.fixture
def table(tmp_path):
    trained(tmp_path, "pretrain", 0, 30.0, benchmark="33.0\t600.0")
    trained(tmp_path, "finetune", 0, 5.0)
    trained(tmp_path, "pretrain", 1, 20.0, 40.0, benchmark="41.0\t600.0")
    return comparison(JOBS, tmp_path / "runs", tmp_path / "benchmarks")


JOBS = [
    planned("pretrain", 0, 20.0),
    planned("finetune", 0, 10.0),
    planned("pretrain", 1, 20.0),
    planned("finetune", 1, 10.0),
]


def test_ratios_are_of_what_was_to_what_was_expected(table):
    assert table["stage"].tolist() == ["pretrain", "finetune", "pretrain"]
    assert table["ratio"].tolist() == [1.5, 0.5, 3.0]
    first = table.iloc[0]
    assert (first["job_ratio"], first["memory_ratio"]) == (1.5, 1.2)
    # of an interrupted training Snakemake measures the end, and of the second nothing
    assert math.isnan(table["job_ratio"][1])
    assert math.isnan(table["job_ratio"][2])


def test_medians_are_by_stage_and_over_all(table):
    text = to_markdown(table, JOBS)
    assert "| pretrain | 2 of 2 | 0.01 h | 0.03 h | 2.25 | 1.88 to 2.62 | 1.50 | 1.20 |" in text
    assert "| finetune | 1 of 2 | 0.00 h | 0.00 h | 0.50 | 0.50 to 0.50 |  |  |" in text
    assert "| all | 3 of 4 | 0.01 h | 0.03 h | 1.50 |" in text


def test_a_stage_of_which_nothing_has_ended_is_empty(tmp_path):
    trained(tmp_path, "pretrain", 0, 30.0)
    text = to_markdown(comparison(JOBS, tmp_path / "runs", tmp_path), JOBS)
    assert "| finetune | 0 of 2 |  |  |  |  |  |  |" in text


def test_before_anything_has_ended_the_script_says_so(tmp_path):
    write_jobs(tmp_path / "jobs.csv", JOBS)
    done = run(
        *("check_plan.py", "--jobs", tmp_path / "jobs.csv", "--runs", tmp_path / "runs"),
        *("--output", tmp_path / "a.csv", "--markdown", tmp_path / "a.md"),
    )
    assert done.returncode != 0
    assert "none of the 4 trainings of" in done.stderr
    assert not (tmp_path / "a.md").exists()
