"""Every random draw has a generator of its own: of the run's seed and of where the draw is."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


def derive_seed(seed: int, *where: int | str) -> int:
    """Return a 63-bit seed that depends on the run's seed and on where the draw happens."""
    text = "/".join(str(part) for part in (seed, *where))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(device: torch.device | str, seed: int, *where: int | str) -> torch.Generator:
    """Return a fresh generator on `device` for one draw, such as `("augment", epoch, step)`."""
    return torch.Generator(device).manual_seed(derive_seed(seed, *where))


@contextlib.contextmanager
def seeded_globally(seed: int, *where: int | str) -> Iterator[None]:
    """Seed PyTorch's global generator inside the block only (module initialisation uses it)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *where))
        yield
