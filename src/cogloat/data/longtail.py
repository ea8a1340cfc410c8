"""Long-tailed splits, drawn exactly as Cao et al. 2019 draw theirs. Imports no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cogloat.errors import UserError, lost
from cogloat.files import write_text
from cogloat.imbalance import NATURAL, Factor, ratio
from cogloat.readers.cells import whole, within
from cogloat.readers.tables import read_table

Indices = NDArray[np.int64]
COLUMNS = {"index": within(whole, 0), "label": within(whole, 0)}
MAKE_IT = "Delete the file, and make it again."


def class_counts(n_max: int, classes: int, factor: Factor) -> list[int]:
    """Return the images of each class by the profiles of Cao et al. 2019, truncated.

    Exponential: n_i = n_max (1/factor)^(i/(C-1)) for i = 0..C-1. Step: n_max in the first half of
    the classes and n_max / factor in the others; of an odd number, the one in the middle is large.

    Args:
        n_max: images of the largest class.
        classes: how many.
        factor: not natural, which has no profile.

    Raises:
        UserError: if a class would have no image.
    """
    least = n_max // (ratio(factor) or 1)
    if least == 0:
        raise UserError(
            f"imbalance factor {factor}: the smallest class would have less than one image, since "
            f"the largest can have {n_max}: as many as there are of the rarest class. Use a factor "
            f"up to {n_max}, or '{NATURAL}' for the data as they are."
        )
    if isinstance(factor, str):
        few = classes // 2
        return [n_max] * (classes - few) + [least] * few
    inverse = 1 / factor
    return [int(n_max * inverse ** (i / (classes - 1.0))) for i in range(classes - 1)] + [least]


def draw(
    labels_N: Indices, factor: Factor, seed: int, held_out_M: Indices | None = None
) -> Indices:
    """Draw a long-tailed subset: label 0 keeps most images, the last label fewest.

    One legacy NumPy generator, seeded once, shuffles the classes' ascending indices in label order,
    and the first n_i of each are kept; of CIFAR, with seed 0, it is the subset of LDAM's, TSC's,
    PaCo's and BCL's code. The largest class has as many images as the smallest class of the full
    set. Of `natural` nothing is drawn: every image is taken.

    Args:
        labels_N: of all images, from 0.
        factor: how the subset is long-tailed.
        seed: of the drawing.
        held_out_M: images that are not there to be drawn.

    Returns:
        Indices into `labels_N`, class by class; of `natural`, ascending.

    Raises:
        UserError: if a class has no image, or would have none.
    """
    there_N = np.ones(len(labels_N), dtype=bool)
    if held_out_M is not None:
        there_N[held_out_M] = False
    sizes = np.bincount(labels_N[there_N], minlength=int(labels_N.max()) + 1)
    if sizes.min() == 0:
        raise UserError(f"class {sizes.argmin()} has no image. Check the dataset.")
    if factor == NATURAL:
        return np.flatnonzero(there_N)
    random = np.random.RandomState(seed)
    chosen = []
    for label, count in enumerate(class_counts(int(sizes.min()), len(sizes), factor)):
        own = np.flatnonzero((labels_N == label) & there_N)
        random.shuffle(own)
        chosen.append(own[:count])
    return np.concatenate(chosen).astype(np.int64)


def hold_out(labels_N: Indices, per_class: int, seed: int) -> Indices:
    """Draw a part that no training sees: as many images of every class.

    Args:
        labels_N: of all images, from 0.
        per_class: how many.
        seed: of the drawing.

    Returns:
        Ascending indices into `labels_N`.

    Raises:
        UserError: if a class would have no image left.
    """
    sizes = np.bincount(labels_N)
    if sizes.min() <= per_class:
        raise UserError(
            f"validation.images_per_class: {per_class} of {sizes.min()} images of class "
            f"{sizes.argmin()} would leave none to train on. Use at most {sizes.min() - 1}."
        )
    random = np.random.RandomState(seed)
    drawn = [
        random.permutation(np.flatnonzero(labels_N == label))[:per_class]
        for label in range(len(sizes))
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def write_split(path: Path, indices_N: Indices, labels_N: Indices) -> None:
    """Write a subset as CSV, one row an image."""
    rows = [f"{index},{label}" for index, label in zip(indices_N, labels_N, strict=True)]
    write_text(path, "\n".join([",".join(COLUMNS), *rows]) + "\n")


def read_split(path: Path) -> tuple[Indices, Indices]:
    """Read a subset's indices and labels.

    Raises:
        UserError: if the file is missing or is not such a file, an image is there twice, or the
            labels are not those of classes 0, 1, ... with an image each.
    """
    try:
        rows = read_table(path, COLUMNS, MAKE_IT).rows
    except FileNotFoundError:
        raise lost(path, "no such file. Make it with src/split.py.") from None
    lines: dict[int, int] = {}
    for line, cells in rows:
        index, label = cells["index"], cells["label"]
        if index in lines:
            raise UserError(
                f"{path}: line {line}: image {index} is in line {lines[index]} already. {MAKE_IT}"
            )
        if label >= len(rows):  # counting the classes would need memory for all that it skips
            raise UserError(
                f"{path}: line {line}: label {label}, but there are {len(rows)} images; labels "
                f"count from 0 and every class has an image. {MAKE_IT}"
            )
        lines[index] = line
    labels_N = np.array([cells["label"] for _, cells in rows], dtype=np.int64)
    counts = np.bincount(labels_N)
    if not rows or (counts == 0).any():
        empty = int(counts.argmin()) if rows else 0
        raise UserError(f"{path}: class {empty} has no image. {MAKE_IT}")
    return np.array([*lines], dtype=np.int64), labels_N
