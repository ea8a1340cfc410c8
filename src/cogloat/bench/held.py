"""Memory of a process that trains, at its peak, and where it goes. Linux says it of a process."""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from cogloat.bench.found import Found
from cogloat.bench.processes import run
from cogloat.bench.scene import Scene
from cogloat.methods.rooms import build
from cogloat.runs.bench import Quantity
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step

STATUS = Path("/proc/self/status")
NO_STATUS = "the system does not say it of a process"
MIB = 2**20
PROCESS = """
import pickle, sys
from cogloat.bench.held import train
found = train(*pickle.load(sys.stdin.buffer))
sys.stdout.buffer.write(pickle.dumps(tuple(found)))
"""


def measure(asked: Sequence[Quantity], scene: Scene) -> dict[Quantity, Found]:
    """Train a step of each method in a process of its own, which imports no more than it needs."""
    if not STATUS.exists():
        return {own: Found((), NO_STATUS) for own in asked}
    found = {}
    for own in asked:
        answer = run("-c", PROCESS, given=pickle.dumps((scene, own.of)))
        found[own] = Found(*pickle.loads(answer))
    return found


def train(scene: Scene, method: str) -> Found:
    """Take the first step of an epoch; return the peak, and its parts as a note."""
    machine = scene.machine()
    libraries = _status("VmRSS")
    config = scene.stage(method, scene.bench.memory_batch_size)
    settings = config.settings.model_copy(update={"batch_size": scene.bench.memory_batch_size})
    last = settings.epochs - 1
    objective = build(settings, scene.inputs(config))
    objective.train()
    optimizer = Sgd(objective.parameters(), settings.optimizer)
    objective.start_epoch(last)
    positions_B = objective.order(last)[: settings.batch_size]
    kept = {own.untyped_storage().data_ptr() for own in objective.parameters()}
    saved: dict[int, int] = {}

    def save(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in kept:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        take_step(objective, optimizer, machine, positions_B, last, 0)
    gradients = [own.grad for own in objective.parameters() if own.grad is not None]
    state = [*objective.state_dict().values(), *optimizer.momenta.values(), *gradients]
    peak = _status("VmHWM")
    parts = {
        "libraries": libraries,
        "parameters, gradients and state": sum(own.nbytes for own in state) / MIB,
        "activations kept for the backward pass": sum(saved.values()) / MIB,
    }
    parts["the rest"] = peak - sum(parts.values())
    return Found((peak,), ", ".join(f"{name} {size:.0f}" for name, size in parts.items()))


def _status(name: str) -> float:
    """Return a line of what the system says of this process, in MiB."""
    match = re.search(rf"^{name}:\s+(\d+) kB$", STATUS.read_text(), re.M)
    assert match is not None
    return int(match[1]) / 1024
