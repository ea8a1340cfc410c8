"""Every random draw comes from a generator of its own: the run's seed and the place of the draw."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


def derive_seed(seed: int, *place: int | str) -> int:
    """Return a 63-bit seed that depends on the run's seed and on where the draw happens."""
    text = "/".join(str(part) for part in (seed, *place))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(device: torch.device | str, seed: int, *place: int | str) -> torch.Generator:
    """Return a fresh generator on `device` for one place, such as `("augment", epoch, step)`."""
    return torch.Generator(device).manual_seed(derive_seed(seed, *place))


@contextlib.contextmanager
def seeded_globally(seed: int, *place: int | str) -> Iterator[None]:
    """Seed PyTorch's global generator inside the block only (module initialisation uses it)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *place))
        yield
