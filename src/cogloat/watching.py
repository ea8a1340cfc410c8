"""How far the trainings of a collection are, by their logs and weights. Imports no torch.

Nothing is asked of Snakemake or of a cluster, so that no lock is taken. Whether a result is out of
date, `snakemake -n` says.
"""

from __future__ import annotations

import argparse
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cogloat.imbalance import Factor
from cogloat.methods.settings import WeightsOf
from cogloat.results.epoch_line import EpochLine
from cogloat.runs.collections import OF_CLASSIFIER, Collection, Configurations, Runs
from cogloat.runs.load import asked_collection, load_method, run_config

State = Literal["finished", "running", "silent", "failed", "waiting"]
STATES: tuple[State, ...] = ("finished", "running", "silent", "failed", "waiting")
PATIENCE = 600.0  # seconds in which a training that runs says something, unless its epochs are long
TAIL = 1 << 16  # bytes of a log that are read
FAILED = re.compile(r"^(error: |Traceback )", re.M)
STOPPED = re.compile(r"^stopped by \w+; the same command goes on", re.M)


@dataclass(frozen=True)
class Training:
    """How far a training is.

    Attributes:
        name: of the run and the stage.
        state: silent, if it should have said something by now: it was killed, or waits to go on.
        epoch: that it told of last.
        age: seconds since it said anything.
        said: its last line.
    """

    name: str
    state: State
    epoch: EpochLine | None = None
    age: float = 0
    said: str = ""


def add_watched_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection whose trainings are looked at, and where they say how far they are."""
    parser.add_argument("--config", type=Path, default=Path("config"), help="(default: config)")
    parser.add_argument("--logs", type=Path, default=Path("logs"), help="(default: logs)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="(default: results)")
    parser.add_argument("--collection", help="(default: the one that config/config.yaml names)")


def watched(args: argparse.Namespace) -> tuple[str, list[str]]:
    """Return the collection that is asked for, and the names of its trainings.

    Raises:
        UserError: if it is unknown.
    """
    name, collection = asked_collection(args.config, args.collection)
    return name, planned(args.config, collection)


def planned(config: Path, collection: Collection) -> list[str]:
    """Return the names of the trainings behind a collection's tables and figures.

    Args:
        config: folder of the configuration.
        collection: whose.
    """
    found: dict[str, None] = {}
    for part in collection.parts().values():
        runs = collection.runs_of(part)
        if not isinstance(runs, Configurations):  # whose trainings are timed, not made
            found |= dict.fromkeys(_names(config, runs))
    return list(found)


def _names(config: Path, runs: Runs) -> Iterator[str]:
    every = itertools.product(runs.datasets, runs.factors, runs.methods, runs.seeds)
    for dataset, factor, method, seed in every:
        stages = load_method(config, method).stages
        for stage in stages if runs.kind in OF_CLASSIFIER else stages[:1]:
            yield from _with_guides(config, dataset, factor, method, seed, stage)


def _with_guides(
    config: Path, dataset: str, factor: Factor, method: str, seed: int, stage: str
) -> Iterator[str]:
    """Yield the names of a training and, before it, of those whose weights it needs."""
    own = run_config(config, dataset, factor, method, seed, stage)
    for need in own.settings.needs.values():
        if isinstance(need, WeightsOf):
            yield from _with_guides(config, dataset, factor, need.method, seed, "train")
    yield own.name


def trainings(names: list[str], logs: Path, results: Path) -> list[Training]:
    """Return how far planned trainings are, and whichever others are running.

    Args:
        names: of those that are planned.
        logs: folder of the logs.
        results: folder of the results.
    """
    own = [_training(name, logs / f"{name}.log", results) for name in names]
    known = {logs / f"{name}.log" for name in names}
    others = [
        _training(str(log.relative_to(logs).with_suffix("")), log, results)
        for log in sorted(logs.rglob("*.log"))
        if log not in known
    ]
    return own + [other for other in others if other.state == "running" and _has_more(other.epoch)]


def _has_more(epoch: EpochLine | None) -> bool:
    """Say whether an epoch is not the last; what is not planned leaves no weights to tell by."""
    return epoch is not None and epoch.epoch < epoch.epochs


def _training(name: str, log: Path, results: Path) -> Training:
    if (results / "runs" / name / "weights.pt").exists():
        return Training(name, "finished")
    try:
        age = max(time.time() - log.stat().st_mtime, 0)
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - TAIL, 0))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return Training(name, "waiting")
    lines = text.splitlines()
    told = (EpochLine.read(line) for line in reversed(lines))
    epoch = next((line for line in told if line is not None), None)
    return Training(name, _state(text, epoch, age), epoch, age, lines[-1] if lines else "")


def _state(text: str, epoch: EpochLine | None, age: float) -> State:
    if FAILED.search(text):
        return "failed"
    if STOPPED.search(text):
        return "waiting"
    left = epoch.epochs - epoch.epoch if epoch else 0
    longest = 3 * epoch.left / left if epoch and left else 0
    return "running" if age <= max(PATIENCE, longest) else "silent"
