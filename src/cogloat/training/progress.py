"""How far a training has come: what a resume state holds, checked part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError
from torch import Tensor

from cogloat.checkpoint import difference
from cogloat.errors import UserError
from cogloat.methods.objective import Objective


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True
    )


class Momentum(_Part):
    """What the optimizer remembers of one parameter."""

    momentum_buffer: Tensor | None


class OptimizerState(_Part):
    """As `torch.optim.SGD.state_dict` gives it."""

    state: dict[int, Momentum]
    param_groups: list[dict[str, bool | int | float | list[int] | None]]


class Progress(_Part):
    """The state of a training.

    Attributes:
        objective: name -> tensor.
        history: a row an epoch.
        sums: of what was logged in the steps of an epoch that is not over.
        epoch: in which it goes on, from 0; after the last one it is over.
        step: with which it goes on.
    """

    objective: dict[str, Tensor]
    optimizer: OptimizerState
    history: list[dict[str, int | float | None]]
    sums: dict[str, Tensor]
    epoch: NonNegativeInt
    step: NonNegativeInt


def go_on(
    path: Path,
    state: dict[str, Any],
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps: int,
) -> Progress:
    """Give an objective and its optimizer the state that they had.

    Args:
        path: of the state, for messages.
        state: what was saved.
        objective: as it was built.
        optimizer: of its parameters.
        epochs: of the training.
        steps: of an epoch.

    Raises:
        UserError: if the state lacks a part, or one cannot be theirs.
    """
    try:
        progress = Progress.model_validate(state)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise UserError(_corrupt(path, f"{place}: {problem['msg']}")) from None
    problems = (
        difference(progress.objective, objective.state_dict()),
        _problem_of_optimizer(progress.optimizer, optimizer),
        _problem_of_place(progress, epochs, steps),
    )
    for found in filter(None, problems):
        raise UserError(_corrupt(path, found))
    objective.load_state_dict(state["objective"])
    optimizer.load_state_dict(state["optimizer"])
    return progress


def _corrupt(path: Path, reason: str) -> str:
    return f"{path}: the resume state is corrupt ({reason}). Delete it to start over."


def _problem_of_optimizer(found: OptimizerState, optimizer: torch.optim.Optimizer) -> str | None:
    def without_rate(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{key: value for key, value in group.items() if key != "lr"} for group in groups]

    wanted = optimizer.state_dict()["param_groups"]
    if without_rate(found.param_groups) != without_rate(wanted):
        return "optimizer.param_groups: not those of the configuration"
    parameters = [own for group in optimizer.param_groups for own in group["params"]]
    buffers = {
        str(number): momentum.momentum_buffer
        for number, momentum in found.state.items()
        if momentum.momentum_buffer is not None
    }
    known = {str(number): own for number, own in enumerate(parameters) if str(number) in buffers}
    reason = difference(buffers, known)
    return None if reason is None else f"optimizer.state: {reason}"


def _problem_of_place(progress: Progress, epochs: int, steps: int) -> str | None:
    epoch, step = progress.epoch, progress.step
    if epoch > epochs or step > (steps if epoch < epochs else 0):
        return f"epoch {epoch}, step {step} of {epochs} epochs of {steps} steps"
    if [row.get("epoch") for row in progress.history] != [*range(1, epoch + 1)]:
        return f"history: not of {epoch} epochs"
    if step > 0 and "loss" not in progress.sums:
        return "sums: without the loss"
    for name, value in progress.sums.items():
        if value.shape != () or value.dtype != torch.float64:
            return f"sums.{name}: not one number"
    return None
