"""Every random draw has a generator of its own: of the run's seed and of where the draw is.

All draws are made on the host, so that a run draws the same numbers on every device, and so that
what depends on them (how many images an operation is for) is known without waiting for a GPU.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor


def derive_seed(seed: int, *where: int | str) -> int:
    """Return a 63-bit seed that depends on the run's seed and on where the draw happens."""
    text = "/".join(str(part) for part in (seed, *where))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *where: int | str) -> torch.Generator:
    """Return a fresh generator for one draw, such as `("augment", epoch, step)`."""
    return torch.Generator().manual_seed(derive_seed(seed, *where))


def sent(drawn: Tensor, device: torch.device) -> Tensor:
    """Return what was drawn, on a device; the host does not wait for it."""
    return drawn.to(device, non_blocking=True)


@contextlib.contextmanager
def seeded_globally(seed: int, *where: int | str) -> Iterator[None]:
    """Seed PyTorch's global generator inside the block only (module initialisation uses it)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *where))
        yield
