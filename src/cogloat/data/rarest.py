"""The classes with the fewest training images, and images of theirs.

Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cogloat.data.imageset import ImageSet
from cogloat.data.longtail import read_split
from cogloat.errors import UserError


def training_counts(split: Path, classes: int) -> NDArray[np.integer]:
    """Return how many training images each class has [C].

    Raises:
        UserError: if the split is missing or damaged, or of another number of classes.
    """
    _, labels_N = read_split(split)
    counts_C = np.bincount(labels_N)
    if len(counts_C) != classes:
        raise UserError(
            f"{split}: its labels are of {len(counts_C)} classes, the runs' of {classes}. "
            "Give the split they were trained with."
        )
    return counts_C


def rarest(counts_C: NDArray[np.integer], number: int) -> list[int]:
    """Return the labels of the classes with the fewest images, the rarest first.

    Of classes with as many images as each other, the higher label comes first.

    Raises:
        UserError: if fewer than two are asked for, or more than there are.
    """
    if not 2 <= number <= len(counts_C):
        raise UserError(
            f"--classes {number}: there are {len(counts_C)}. "
            f"Give a number from 2 to {len(counts_C)}."
        )
    return sorted(range(len(counts_C)), key=lambda label: (counts_C[label], -label))[:number]


def only(images: ImageSet, classes: Sequence[int]) -> ImageSet:
    """Return the images of some classes."""
    kept_N = torch.isin(images.labels_N.cpu(), torch.as_tensor(classes))
    return images.some(kept_N.nonzero()[:, 0])
