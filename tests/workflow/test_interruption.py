"""Snakemake killed with all its jobs, at many moments of a run, ends in the same bits."""

import os
import random
import signal
import time

import pytest
from project import Project

pytestmark = pytest.mark.long

RUN = "results/runs/tiny/if10/kcl/seed0"
LEFT = (
    *("pretrain/weights.pt", "pretrain/history.csv"),
    *("finetune/weights.pt", "finetune/history.csv", "metrics.json"),
)
KILLS = 5


def test_killed_between_and_inside_stages_a_run_ends_in_the_same_bits(
    finished: Project, unfinished: Project
):
    moments = random.Random(1)
    kills = 0
    while kills < KILLS:
        process = unfinished.start(f"{RUN}/metrics.json")
        time.sleep(moments.uniform(1.5, 6))
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        unlocked = unfinished.snakemake("--unlock")
        assert unlocked.returncode == 0, unlocked.stdout
    assert kills >= 2
    done = unfinished.snakemake(f"{RUN}/metrics.json")
    assert done.returncode == 0, done.stdout
    for name in LEFT:
        one, two = (project.root / RUN / name for project in (finished, unfinished))
        assert one.read_bytes() == two.read_bytes(), name
    assert not [path for path in (unfinished.root / "scratch").rglob("*") if path.is_file()]


def test_interrupted_run_says_how_to_unlock(unfinished: Project):
    process = unfinished.start(f"{RUN}/metrics.json")
    while not list((unfinished.root / ".snakemake").glob("locks/*")):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = unfinished.snakemake(f"{RUN}/metrics.json")
    assert done.returncode != 0
    assert "--unlock" in done.stdout
