"""Why a training has left the finite numbers: its last steps once more, with a look at each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cogloat.errors import UserError
from cogloat.methods.objective import Objective

# In a sound training no weight is above SOUND, and no loss, gradient or normalised pixel near HUGE.
SOUND, HUGE = 10, 1e4
IMAGES = "Check `mean` and `std` in the dataset's file."
LOSS = (
    "So it is not the learning rate: check the numbers that the method's file gives to its loss, "
    "such as the temperature."
)
RATE = "Lower optimizer.lr or its weight_decay, or add a warm-up to the schedule."


class NotFiniteError(Exception):
    """A loss, or what was learned, has become infinite or no number."""


def check_finite(objective: Objective, sums: dict[str, Tensor]) -> None:
    """Check what an epoch has logged so far, and all the state of an objective.

    Raises:
        NotFiniteError: if a number is not finite.
    """
    if "loss" in sums and not sums["loss"].isfinite():
        raise NotFiniteError("the loss is not finite")
    for name in _not_finite(objective.state_dict()):
        raise NotFiniteError(f"{name} is not finite")


class Watch:
    """Takes a loop's steps, to the same bits, and says in which one what goes wrong."""

    def __init__(self, name: str, take_step: Callable[..., dict[str, Tensor]]) -> None:
        """Begin to watch.

        Args:
            name: of the run.
            take_step: what takes a step.
        """
        self._name, self._take_step = name, take_step
        self._strange: _Step | None = None  # the first whose loss is huge at sound weights
        self._last: _Step | None = None

    def __call__(
        self, objective: Any, optimizer: Any, machine: Any, batch: Tensor, epoch: int, step: int
    ) -> dict[str, Tensor]:
        """Take a step.

        Raises:
            UserError: if a number is not finite before or after it.
        """
        place = f"epoch {epoch + 1}, step {step + 1}"
        for name in _not_finite(objective.state_dict()):
            raise UserError(
                f"{self._name}: {place}: {name} is not finite before the step. "
                "Make the files anew that the training was given."
            )
        weights = _largest(objective.parameters())
        with _looking(objective) as seen:
            logged = self._take_step(objective, optimizer, machine, batch, epoch, step)
        gradients = _largest(weight.grad for weight in objective.parameters())
        taken = _Step(place, float(logged["loss"].detach()), weights, gradients, *seen)
        if self._strange is None and taken.is_strange():
            self._strange = taken
        lost = next(_not_finite(objective.state_dict()), None)
        if math.isfinite(taken.loss) and lost is None:
            self._last = taken
            return logged
        raise UserError(f"{self._name}: {place}: {taken.wrong(lost)}. {self._looked_at(taken)}")

    def _looked_at(self, taken: _Step) -> str:
        """Say what else was seen, and what to do."""
        if not taken.images < HUGE:
            return f"The normalised images hold {taken.images:.2g}. {IMAGES}"
        if self._strange is not None:
            return f"{self._strange}. {LOSS}"
        return f"{self._last or taken}. {RATE}"


class _Step(NamedTuple):
    """What was seen of a step.

    Attributes:
        place: epoch and step.
        loss: of the batch.
        weights: the largest before the step.
        gradients: the largest.
        images: the largest number in the normalised images.
        layer: the first one that gave a number that is not finite.
    """

    place: str
    loss: float
    weights: float
    gradients: float
    images: float
    layer: str | None

    def __str__(self) -> str:
        return (
            f"In {self.place} the largest weight was {self.weights:.2g}, the loss {self.loss:.2g} "
            f"and the largest gradient {self.gradients:.2g}"
        )

    def is_strange(self) -> bool:
        """Say whether the loss or a gradient is far too large for the weights."""
        moderate = abs(self.loss) < HUGE and self.gradients < HUGE  # a NaN is not
        return self.weights < SOUND and not moderate

    def wrong(self, lost: str | None) -> str:
        """Say what was the first that was not finite.

        Args:
            lost: what is not finite after the step.
        """
        if self.layer is not None:
            return f"layer {self.layer} gives numbers that are not finite, the loss is {self.loss}"
        if not math.isfinite(self.loss):
            return f"the loss is {self.loss}, while every layer gives finite numbers"
        if not math.isfinite(self.gradients):
            return f"a gradient is {self.gradients}, while the loss is {self.loss:.2g}"
        return f"{lost} is not finite after it, while the loss is {self.loss:.2g}"


@contextmanager
def _looking(objective: nn.Module) -> Iterator[list[Any]]:
    """Look at what layers are given and give; yield the largest pixel and the first bad layer."""
    seen: list[Any] = [0.0, None]

    def look(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, given: Any, made: Any) -> None:
            if isinstance(given[0], Tensor) and given[0].dim() == 4 and given[0].shape[1] == 3:
                seen[0] = max(seen[0], _largest(given), key=lambda size: (math.isnan(size), size))
            if seen[1] is None and isinstance(made, Tensor) and not made.isfinite().all():
                seen[1] = name

        return hook

    hooks = [part.register_forward_hook(look(name)) for name, part in objective.named_modules()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _largest(tensors: Iterable[Tensor | None]) -> float:
    """Return the largest magnitude; no number where one is none."""
    sizes = [each.detach().abs().max().double().cpu() for each in tensors if each is not None]
    return float(torch.stack(sizes).max()) if sizes else 0.0


def _not_finite(state: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the tensors that hold a number that is not finite."""
    for name, value in state.items():
        if isinstance(value, Tensor) and not value.isfinite().all():
            yield name
