"""Command lines of the real scripts, and of tiny runs: digits, ResNet-8, three epochs."""

import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[1]
OVERRIDES = {
    "pretrain": {"epochs": 3, "batch_size": 64, "queue": 128, "key_momentum": 0.9},
    "finetune": {"epochs": 3, "batch_size": 64, "evaluate_every": 2},
    "train": {"epochs": 3, "batch_size": 64, "evaluate_every": 2},
    "proxy": {"epochs": 1, "batch_size": 64, "evaluate_every": 1},
}


def command(script: str, *arguments: object) -> list[str]:
    """Return the command line of one of the project's scripts."""
    return [sys.executable, str(REPO / "src" / script), *map(str, arguments)]


def run(script: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run one of the project's scripts to its end."""
    return subprocess.run(
        command(script, *arguments),
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        check=False,
    )


def must(script: str, *arguments: object) -> None:
    """Run a script that must succeed."""
    done = run(script, *arguments)
    assert done.returncode == 0, done.stderr


class Tiny:
    """Paths and command lines of tiny runs on digits at imbalance factor 10."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config"
        self.store = root / "data"
        self.split = root / "if10.csv"
        self.coreset = root / "coreset.csv"

    def effective(self, method: str, stage: str, name: str = "config.json") -> Path:
        """Write and return a stage's effective configuration."""
        path = self.root / method / stage / name
        must(
            *("configure.py", "--config", self.config, "run", "--dataset", "digits"),
            *("--factor", 10, "--method", method, "--seed", 0, "--stage", stage),
            *("--output", path),
        )
        return path

    def arguments(self, config: Path, output: Path, **extra: object) -> list[object]:
        """Return the arguments every training script takes."""
        return [
            *("--config", config, "--store", self.store, "--split", self.split),
            *("--output-dir", output, "--scratch", output / "state.pt"),
            *(part for key, value in extra.items() for part in (f"--{key}", value)),
        ]
