"""Snakemake looks for a job that may start where one has ended, and by a rate that is asked for."""

import pytest
from project import Project

pytestmark = pytest.mark.slow

JOBS = 10


def splits(project: Project, *arguments: str) -> str:
    """Make small files one after the other; return what Snakemake says."""
    targets = [f"results/splits/tiny/if{factor}.csv" for factor in range(11, 11 + JOBS)]
    done = project.snakemake("--verbose", "--cores", "1", *targets, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_waiting_jobs_are_looked_at_where_one_has_ended(finished: Project, tmp_path):
    """A rate, which Snakemake has by default, would look each second as well, for each that has."""
    assert splits(finished.copy(tmp_path / "project")).count("Ready jobs: ") == JOBS


def test_rate_that_is_asked_for_is_kept(finished: Project, tmp_path):
    rate = ("--max-jobs-per-timespan", "1000/1s")
    assert splits(finished.copy(tmp_path / "project"), *rate).count("Ready jobs: ") > JOBS
