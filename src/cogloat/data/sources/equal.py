"""Which images have equal pixels, found by a hash of each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

Pair = tuple[int, int]
Digest = bytes  # of an image's pixels, whatever their names or places are


def digest(pixels: Pixels) -> Digest:
    """Return the hash of an image's pixels."""
    return hashlib.blake2b(pixels.data, digest_size=16).digest()


def repeated(images_N: Sequence[Digest]) -> list[Pair]:
    """Return the images that are equal to an earlier one: index of the first such, and its own."""
    first: dict[Digest, int] = {}
    pairs = [(first.setdefault(image, i), i) for i, image in enumerate(images_N)]
    return [(i, j) for i, j in pairs if i != j]


def common(train_N: Sequence[Digest], others_M: Sequence[Digest]) -> list[Pair]:
    """Return the others that are equal to a training image: index of the first, and its own."""
    first: dict[Digest, int] = {}
    for i, image in enumerate(train_N):
        first.setdefault(image, i)
    return [(first[image], j) for j, image in enumerate(others_M) if image in first]
