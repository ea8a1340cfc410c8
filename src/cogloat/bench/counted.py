"""Counts of a training step that no machine's mood moves: operations, and waits for a GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch

from cogloat.bench.found import Found
from cogloat.bench.pretended import Device
from cogloat.bench.scene import Scene
from cogloat.methods.rooms import build
from cogloat.randomness import seeded_globally
from cogloat.runs.bench import Quantity
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step


def measure(asked: Sequence[Quantity], scene: Scene) -> dict[Quantity, Found]:
    """Count what a step of each method does; their images may be small."""
    counts = {"operations": operations, "synchronisations": synchronisations}
    found = {}
    for own in asked:
        names = counts[own.what](scene, own.of)
        most = ", ".join(f"{count} {name}" for name, count in Counter(names).most_common(4))
        found[own] = Found((float(len(names)),), most)
    return found


def operations(scene: Scene, method: str) -> list[str]:
    """Return the operations of a step that a GPU would be given."""
    return _counted(scene, method).work


def synchronisations(scene: Scene, method: str) -> list[str]:
    """Return the operations of a step at which a GPU would make the host wait."""
    return _counted(scene, method).waits


def _counted(scene: Scene, method: str) -> Device:
    """Take a step on a pretended device, and return what it noted."""
    with Device() as device:
        step = _step(scene, method, device.device)
        device.waits.clear()
        device.work.clear()
        step()
        return device


def _step(scene: Scene, method: str, device: torch.device) -> Callable[[], object]:
    """Return the second step of a method's last epoch, when all of its terms take part."""
    config = scene.stage(method, scene.bench.batch_size)
    last = config.settings.epochs - 1
    with seeded_globally(config.seed, "initialise", config.stage):
        objective = build(config.settings, scene.inputs(config, device))
    objective.train()
    optimizer = Sgd(objective.parameters(), config.settings.optimizer)
    machine = Machine(device, scene.threads, "float32")
    objective.start_epoch(last)
    batches = objective.order(last).split(config.settings.batch_size)
    take_step(objective, optimizer, machine, batches[0], last, 0)
    return lambda: take_step(objective, optimizer, machine, batches[1], last, 1)
