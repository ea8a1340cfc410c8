"""Seconds until a training script works, beside the import of torch, which it cannot do without."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from cogloat.bench.found import Found
from cogloat.bench.processes import SOURCE, run
from cogloat.bench.scene import Scene, write_share
from cogloat.bench.turns import take_turns
from cogloat.config.backbone import CifarBackbone
from cogloat.config.reading import dump
from cogloat.data.longtail import read_split
from cogloat.files import write_text
from cogloat.runs.bench import Quantity

SCRIPT = SOURCE / "train.py"
IMPORT = "torch"  # else it is a method, which is trained
BACKBONE = CifarBackbone(kind="cifar", depth=8)  # of its network: a step takes milliseconds


def measure(asked: Sequence[Quantity], scene: Scene) -> dict[Quantity, Found]:
    """Time processes in turns: one that imports torch, and a whole training of one step."""
    actions = {own: _process(own.of, scene) for own in asked}
    for first in actions.values():
        first()
    seconds = take_turns(actions, scene.bench.rounds.started, "start")
    return {own: Found(tuple(rounds)) for own, rounds in seconds.items()}


def _process(of: str, scene: Scene) -> Callable[[], object]:
    if of == IMPORT:
        return lambda: run("-c", f"import {IMPORT}")
    split = scene.folder / "few.csv"
    write_share(split, *read_split(scene.split), share=0)
    config = scene.stage(of, most=len(read_split(split)[0]))
    settings = config.settings.model_copy(update={"epochs": 1})
    path = scene.folder / f"{of}.json"
    write_text(path, dump(config.model_copy(update={"settings": settings, "backbone": BACKBONE})))
    numbers = itertools.count()

    def train() -> None:
        made = scene.folder / f"{of}_{next(numbers)}"
        run(
            *(SCRIPT, "--config", path, "--store", scene.store, "--split", split),
            *("--output-dir", made, "--scratch", made / "scratch"),
        )

    return train
