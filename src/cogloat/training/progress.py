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
from cogloat.training.sgd import Sgd


class Progress(BaseModel):
    """The state of a training.

    Attributes:
        objective: name -> tensor.
        momenta: of the optimizer.
        history: a row an epoch.
        sums: of what was logged in the steps of an epoch that is not over.
        epoch: in which it goes on, from 0; after the last one it is over.
        step: with which it goes on.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True
    )

    objective: dict[str, Tensor]
    momenta: dict[str, Tensor]
    history: list[dict[str, int | float | None]]
    sums: dict[str, Tensor]
    epoch: NonNegativeInt
    step: NonNegativeInt


def go_on(
    path: Path,
    state: dict[str, Any],
    objective: Objective,
    optimizer: Sgd,
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
        _problem_of_momenta(progress.momenta, optimizer),
        _problem_of_place(progress, epochs, steps),
    )
    for found in filter(None, problems):
        raise UserError(_corrupt(path, found))
    objective.load_state_dict(state["objective"])
    for name, momentum in progress.momenta.items():
        optimizer.momenta[name] = momentum.to(optimizer.weights[name].device)
    return progress


def _corrupt(path: Path, reason: str) -> str:
    return f"{path}: the resume state is corrupt ({reason}). Delete it to start over."


def _problem_of_momenta(found: dict[str, Tensor], optimizer: Sgd) -> str | None:
    known = {name: weight for name, weight in optimizer.weights.items() if name in found}
    reason = difference(found, known)
    return None if reason is None else f"momenta: {reason}"


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
