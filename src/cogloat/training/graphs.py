"""Steps on a GPU by one launch: CUDA graphs of what a step computes, to the same bits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from cogloat.methods.objective import Objective, Recordable
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step

Step = Callable[..., dict[str, Tensor]]
UNTIMED = 2  # steps of a kind until one is a replay: taken as they come, and recorded


def steps_of(machine: Machine) -> Step:
    """Return what takes a training's steps as a machine does it fastest."""
    return GraphedSteps() if _records(machine) else take_step


def passes_of(machine: Machine, action: Callable[[], None]) -> Callable[[], None]:
    """Return what does the same over and over, always in the same memory, as a step is taken.

    Where a machine records its steps the action is recorded too, if it can be, and done once
    before.
    """
    if not _records(machine):
        return action
    action()
    stream = torch.cuda.current_stream()
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            action()
    except RuntimeError as error:
        _tell("the passes of a step's networks", error)
        return action
    finally:
        torch.cuda.set_stream(stream)  # where recording fails, torch leaves another one
    return graph.replay


def _records(machine: Machine) -> bool:
    return machine.device.type == "cuda" and machine.ranks.size == 1


def _tell(what: str, error: RuntimeError) -> None:
    """Say why something is not recorded."""
    reason = str(error).partition("\n")[0]
    print(
        f"note: {what} are not recorded but taken operation by operation, which is slower and ends "
        f"in the same bits: {reason}",
        file=sys.stderr,
    )


class GraphedSteps:
    """Takes steps as `take_step` does, most of them by replaying one.

    Hundreds of small operations keep a GPU waiting for the host. Of each phase and size of batch,
    the first step is taken operation by operation, which also lets the libraries set themselves
    up; the second one is recorded, and from then on a step is its draws, one launch, and the
    optimizer's. The same operations run in the same order on the same numbers.
    """

    def __init__(self) -> None:
        self._recorded: dict[tuple[Hashable, int], Recording | None] = {}
        self._possible = True
        self._pool: Any = None

    def __call__(
        self,
        objective: Objective,
        optimizer: Sgd,
        machine: Machine,
        positions_B: Tensor,
        epoch: int,
        step: int,
    ) -> dict[str, Tensor]:
        """Take a step; arguments and result are those of `take_step`."""
        by_operations = partial(take_step, objective, optimizer, machine, positions_B, epoch, step)
        if not self._possible or not isinstance(objective, Recordable):
            return by_operations()
        kind = objective.phase(epoch), len(positions_B)
        if kind[0] is None or kind not in self._recorded:
            self._recorded[kind] = None
            return by_operations()
        with machine.autocast():
            drawn = objective.draw(positions_B, epoch, step)
        recording = self._recorded[kind] or self._tried(
            lambda: Recording(objective, optimizer, machine, drawn, kind[0], self._pool)
        )
        if recording is None:
            return by_operations()
        self._recorded[kind] = recording
        logged = recording.replay(drawn)
        optimizer.step()
        return logged

    def _tried(self, record: Callable[[], Recording]) -> Recording | None:
        """Record a step; nothing, and not again, if torch, driver or memory do not allow it."""
        try:
            recording = record()
        except RuntimeError as error:
            _tell("steps", error)
            self._possible = False
            return None
        self._pool = recording.pool  # the next one computes in the same memory
        return recording


class Recording:
    """What a step computes of its draws: loss, gradients, and what changes in place.

    Attributes:
        pool: of the memory that the graph computes in; other recordings may share it.
    """

    def __init__(
        self,
        objective: Recordable,
        optimizer: Sgd,
        machine: Machine,
        drawn: Any,
        phase: Hashable,
        pool: Any = None,
    ) -> None:
        """Record a step; nothing is computed yet."""
        given, self._form = tree_flatten(drawn)
        self._given = [None if each is None else each.clone() for each in given]
        self._optimizer = optimizer
        self._graph = torch.cuda.CUDAGraph()
        optimizer.zero_grad()
        stream = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(self._graph, pool=pool):
                with machine.autocast():
                    logged = objective.learn(tree_unflatten(self._given, self._form), phase)
                logged["loss"].backward()
        finally:
            torch.cuda.set_stream(stream)  # where recording fails, torch leaves another one
        self._logged = {name: value.detach() for name, value in logged.items()}
        self._gradients = {name: own.grad for name, own in optimizer.weights.items()}
        self.pool = self._graph.pool()

    def replay(self, drawn: Any) -> dict[str, Tensor]:
        """Compute a step of what it has drawn; return what it logs.

        The gradients are the weights' afterwards, until the next step.
        """
        for held, new in zip(self._given, tree_flatten(drawn)[0], strict=True):
            if held is not None:
                held.copy_(new, non_blocking=True)
        self._graph.replay()
        for name, own in self._optimizer.weights.items():
            own.grad = self._gradients[name]
        return self._logged
