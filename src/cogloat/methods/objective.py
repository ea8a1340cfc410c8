"""What the loop trains: a protocol that every room's objective meets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn
from torch.nn import Parameter

from cogloat.results.history import Row


class Computation(NamedTuple):
    """What a room leaves that trains nothing.

    Attributes:
        weights: what the evaluation needs: a classifier's.
        row: what was measured of it, as of an epoch.
    """

    weights: dict[str, Tensor]
    row: Row


class Objective(Protocol):
    """A module that turns a batch into a loss; its state dictionary is all the state it has."""

    size: int  # number of training images

    def order(self, epoch: int) -> Tensor:
        """Return the positions of the images in the order of the epoch, on the CPU."""

    def start_epoch(self, epoch: int) -> None:
        """Prepare what stays constant within an epoch."""

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the scalar "loss" of a batch and what else to log, as means over the batch.

        The positions are on the host.
        """

    def end_epoch(self, epoch: int) -> Row:
        """Return what is measured once an epoch."""

    def weights(self) -> dict[str, Tensor]:
        """Return what later stages and the evaluation need."""

    # of every nn.Module

    def train(self, mode: bool = True) -> Any:
        """Set training mode."""

    def parameters(self) -> Iterator[Parameter]:
        """Yield what may be trained, and what is frozen."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Go on from a state."""


class Recordable(nn.Module):
    """An objective whose loss is what it computes of what it has drawn.

    What is computed can be recorded in one step and replayed in others, as it knows neither epoch
    nor step, takes nothing from the host, and is of the same operations for the same shapes.
    """

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss, and what else is logged."""
        return self.learn(self.draw(positions_B, epoch, step), self.phase(epoch))

    def phase(self, epoch: int) -> Hashable:
        """Return what else an epoch's computation depends on; None if it cannot be recorded."""
        return "all"

    @abstractmethod
    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Any:
        """Return the tensors, in tuples, that a step draws: on the device."""

    @abstractmethod
    def learn(self, drawn: Any, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn, and what else is logged."""
