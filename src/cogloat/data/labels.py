"""The labels of a part of a store. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cogloat.errors import UserError
from cogloat.readers.arrays import check_range, read_array

Split = Literal["train", "test", "validation"]  # the parts of a store
SPLITS: tuple[Split, Split] = ("train", "test")  # those that every store has
FETCH_IT = "Make the store again with src/fetch.py."


def read_labels(path: Path, classes: int | None = None) -> NDArray[np.int64]:
    """Read labels, which count from 0; every class has an image.

    Args:
        path: the file.
        classes: how many there must be; by default as many as there are.

    Raises:
        OSError: if the file is missing or cannot be read.
        UserError: if it holds no such labels.
    """
    labels_N = read_array(path, "iu", 1, FETCH_IT)
    most = classes or len(labels_N)  # counting more would need memory for all that have no image
    check_range(labels_N, path, 0, most - 1, FETCH_IT)
    counts = np.bincount(labels_N.astype(np.int64), minlength=classes or 0)
    if (counts == 0).any():
        raise UserError(f"{path}: class {counts.argmin()} has no image. {FETCH_IT}")
    return labels_N.astype(np.int64)
