"""Which images have equal pixels, found by a hash of each."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]  # [N, 3, H, W]

Pair = tuple[int, int]


def repeated(images_NCHW: Pixels) -> list[Pair]:
    """Return the images that are equal to an earlier one: index of the first such, and its own."""
    first: dict[bytes, int] = {}
    pairs = [(first.setdefault(_hash(image), i), i) for i, image in enumerate(images_NCHW)]
    return [(i, j) for i, j in pairs if i != j]


def common(train_NCHW: Pixels, test_MCHW: Pixels) -> list[Pair]:
    """Return the test images that are equal to a training one: index of the first, and its own."""
    first: dict[bytes, int] = {}
    for i, image in enumerate(train_NCHW):
        first.setdefault(_hash(image), i)
    hashes = map(_hash, test_MCHW)
    return [(first[own], j) for j, own in enumerate(hashes) if own in first]


def _hash(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.data, digest_size=16).digest()
