"""Two real trainings are watched while they run, and after one was killed and one was stopped."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts import Tiny, command, run

pytestmark = pytest.mark.slow

METHODS = ("ce", "focal")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
EPOCHS = 100_000


@pytest.fixture
def running(tiny: Tiny, tmp_path: Path) -> Iterator[list[subprocess.Popen]]:
    """Two trainings with the logs of a project, after their first epochs."""
    processes = []
    for method in METHODS:
        config = json.loads(tiny.effective(method, "train").read_text())
        config["settings"]["epochs"] = EPOCHS
        own = tmp_path / f"{method}.json"
        own.write_text(json.dumps(config))
        log = tmp_path / "logs" / f"tiny/if10/{method}/seed0/train.log"
        log.parent.mkdir(parents=True)
        arguments = tiny.arguments(own, tmp_path / f"results/runs/tiny/if10/{method}/seed0/train")
        with log.open("w") as file:
            line = command("train.py", *arguments)
            processes.append(subprocess.Popen(line, stderr=file, env=ENVIRONMENT))
        while "images/s" not in log.read_text():
            assert processes[-1].poll() is None, log.read_text()
            time.sleep(0.1)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def watch(tiny: Tiny, root: Path) -> list[str]:
    arguments = ("--config", tiny.config, "--logs", root / "logs", "--results", root / "results")
    done = run("watch.py", *arguments, "--collection", "demo", "--once")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_running_trainings_are_shown_with_epoch_loss_rate_and_time_left(tiny, tmp_path, running):
    head, titles, *rows = watch(tiny, tmp_path)
    assert head == "demo: 30 trainings: 2 running, 28 waiting"
    assert titles.split() == ["training", "epoch", "loss", "images/s", "ETA", "said"]
    for row, method in zip(rows, METHODS, strict=True):
        pattern = rf"tiny/if10/{method}/seed0/train +\d+/{EPOCHS} +[\d.]+ +\d+ +\d.*\w +\d+ s ago *"
        assert re.fullmatch(pattern, row), row
    running[0].kill()
    running[1].send_signal(signal.SIGTERM)
    running[1].wait()
    log = tmp_path / "logs/tiny/if10/ce/seed0/train.log"
    os.utime(log, (time.time() - 7200,) * 2)
    assert watch(tiny, tmp_path) == ["demo: 28 trainings: 28 waiting"]
