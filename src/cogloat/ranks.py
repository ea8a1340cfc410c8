"""The processes that train one network together: what each takes of a batch, what they exchange.

Each is a rank, as torchrun starts it. Every rank knows the whole batch, takes its part, and returns
its share of each mean over the batch; the sum of the shares is what one process would have. All
exchange is by sums, whose order is the same in every run with as many ranks. One process exchanges
nothing, and computes as if this were not here.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from cogloat.errors import UserError

EXIT_ALONE = 4  # of a rank whose peers are gone; the one that went first has said why
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Part:
    """A rank's rows of so many that all ranks have together.

    Attributes:
        start: the first.
        stop: behind the last.
        whole: how many all ranks have.
    """

    start: int
    stop: int
    whole: int

    def of(self, rows: Tensor) -> Tensor:
        """Return the rank's rows of all."""
        return rows if self.size == self.whole else rows[self.start : self.stop]

    def mean(self, own: Tensor) -> Tensor:
        """Return the rank's share of the mean over all, of which it may have none."""
        return own.mean() if self.size == self.whole else own.sum() / self.whole

    @property
    def size(self) -> int:
        """How many the rank has."""
        return self.stop - self.start


@dataclass(frozen=True)
class Ranks:
    """One of some processes; by default the only one.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
        device: that its networks are on.
        flags: what carries numbers of the host, where the default group carries a GPU's.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU
    flags: Any = None

    @property
    def is_first(self) -> bool:
        """Say whether it is the one that writes and reports."""
        return self.rank == 0

    @property
    def apart(self) -> tuple[int | str, ...]:
        """What the place of a random draw has more, if no two ranks may draw alike."""
        return () if self.size == 1 else ("rank", self.rank)

    def part(self, rows: int, groups: int | None = None) -> Part:
        """Return the rank's part of some rows: as many of their groups as each rank has.

        Args:
            rows: of all ranks.
            groups: their number, a multiple of the ranks'; they follow each other and are as large
                as each other or, the first ones, larger by a row. By default one a rank.
        """
        groups = groups or self.size
        own, (each, left) = groups // self.size, divmod(rows, groups)
        start, stop = (
            number * each + min(number, left) for number in (self.rank * own, (self.rank + 1) * own)
        )
        return Part(start, stop, rows)

    def share(self, means: Mapping[str, Tensor], part: Part) -> dict[str, Tensor]:
        """Return a rank's share of means over the whole of which it has those over its part."""
        weight = part.size / part.whole
        return {name: mean if self.size == 1 else mean * weight for name, mean in means.items()}

    def gather(self, own: Tensor, part: Part) -> Tensor:
        """Return the rows of all ranks [whole, ...].

        Where they have a gradient, each rank's rows get that of all ranks' losses together. Then
        the loss of every rank must depend on them, even if by no anchor of its own.
        """
        return own if self.size == 1 else _Gather.apply(own, part, self)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over the ranks, in one exchange in the first one's type."""
        if self.size == 1:
            return
        flat = torch.cat([own.detach().reshape(-1).to(tensors[0].dtype) for own in tensors])
        self._sum(flat)
        for own, summed in zip(tensors, flat.split([own.numel() for own in tensors]), strict=True):
            own.detach().copy_(summed.view(own.shape))

    def total(self, own: Tensor) -> Tensor:
        """Return a tensor's sum over the ranks."""
        return own if self.size == 1 else self._sum(own.detach().clone())

    def agree(self, *numbers: int) -> tuple[int, ...]:
        """Return the largest of each number over the ranks; the host waits, its GPU does not."""
        if self.size == 1:
            return numbers
        largest = torch.tensor(numbers)
        with _peers():
            dist.all_reduce(largest, dist.ReduceOp.MAX, self.flags)
        return tuple(largest.tolist())

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self.agree(0)

    def _sum(self, tensor: Tensor) -> Tensor:
        with _peers():
            dist.all_reduce(tensor)
        return tensor


ALONE = Ranks()


class _Gather(torch.autograd.Function):
    """Rows of all ranks; a gradient goes back to the rank that gave the row."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, part: Part, ranks: Ranks) -> Tensor:
        """Return all rows."""
        ctx.part, ctx.ranks = part, ranks
        rows = own.new_zeros(part.whole, *own.shape[1:])
        rows[part.start : part.stop] = own
        return ranks._sum(rows)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the own rows."""
        return ctx.part.of(ctx.ranks.total(gradient.contiguous())), None, None


def is_rank() -> bool:
    """Say whether this process was started as one of several."""
    return world_size(1) > 1


def world_size(otherwise: int) -> int:
    """Return how many processes train together, if torchrun's variables tell."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else otherwise


def local_rank() -> int:
    """Return the number of this rank on its machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def join(device: torch.device) -> Ranks:
    """Meet the other ranks, as torchrun's variables tell; alone where there are none.

    Args:
        device: of this rank.

    Raises:
        UserError: if they cannot be met.
    """
    if not is_rank():
        return Ranks(device=device)
    _end_with_parent()
    cuda, hook = device.type == "cuda", sys.excepthook
    try:
        with _peers():
            dist.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
            flags = dist.new_group(backend="gloo") if cuda else None
    except ValueError as error:  # a variable is missing
        raise UserError(
            f"RANK is set, but not all that torchrun sets beside it: {error}. Start the processes "
            "by --processes or torchrun, or unset RANK."
        ) from None
    sys.excepthook = hook  # torch has put one around it, which loses what it says
    atexit.register(dist.destroy_process_group)
    return Ranks(dist.get_rank(), dist.get_world_size(), device, flags)


@contextlib.contextmanager
def _peers() -> Iterator[None]:
    """End the process quietly if others have gone that it waits for."""
    try:
        yield
    except RuntimeError as error:
        if torch.cuda.is_available() and isinstance(error, torch.cuda.OutOfMemoryError):
            raise
        atexit.unregister(dist.destroy_process_group)  # it would wait for them
        raise SystemExit(EXIT_ALONE) from None


def _end_with_parent() -> None:
    """Have Linux send SIGTERM when what started this rank is gone: it saves and ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
