"""Long-tailed splits, drawn exactly as Cao et al. 2019 draw theirs. Imports no torch."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cogloat.errors import UserError
from cogloat.files import write_text

Indices = NDArray[np.int64]
HEADER = ["index", "label"]


def class_counts(n_max: int, classes: int, factor: float) -> list[int]:
    """Return n_i = int(n_max (1/factor)^(i/(C-1))), truncated, for i = 0..C-1.

    Raises:
        UserError: if the factor is below 1, or a class would have no image.
    """
    if factor < 1:
        raise UserError(
            f"imbalance factor {factor}: it is largest over smallest class, at least 1."
        )
    inverse = 1 / factor
    counts = [int(n_max * inverse ** (i / (classes - 1.0))) for i in range(classes)]
    if min(counts) == 0:
        raise UserError(
            f"imbalance factor {factor}: class {counts.index(0)} would have no image of {n_max}. "
            f"Use a factor up to {n_max}."
        )
    return counts


def draw(labels_N: Indices, factor: float, seed: int) -> Indices:
    """Draw a long-tailed subset: label 0 keeps most images, the last label fewest.

    One legacy NumPy generator, seeded once, shuffles the classes' ascending indices in label order,
    and the first n_i of each are kept; with seed 0 this is the subset of every published number.
    The largest class has as many images as the smallest class of the full set.

    Returns:
        Indices into `labels_N`, class by class.
    """
    sizes = np.bincount(labels_N)
    if sizes.min() == 0:
        raise UserError(f"class {sizes.argmin()} has no image. Check the dataset.")
    random = np.random.RandomState(seed)
    chosen = []
    for label, count in enumerate(class_counts(int(sizes.min()), len(sizes), factor)):
        own = np.flatnonzero(labels_N == label)
        random.shuffle(own)
        chosen.append(own[:count])
    return np.concatenate(chosen).astype(np.int64)


def write_split(path: Path, indices_N: Indices, labels_N: Indices) -> None:
    """Write a subset as CSV, one row an image."""
    rows = [f"{index},{label}" for index, label in zip(indices_N, labels_N, strict=True)]
    write_text(path, "\n".join([",".join(HEADER), *rows]) + "\n")


def read_split(path: Path) -> tuple[Indices, Indices]:
    """Read a subset's indices and labels.

    Raises:
        UserError: if the file is missing, is not such a file, or a class has no image.
    """
    try:
        with open(path, newline="") as file:
            header, *rows = csv.reader(file)
        table = np.array(rows, dtype=np.int64)
    except FileNotFoundError:
        raise UserError(f"{path}: no such split. Make it with src/split.py.") from None
    except (ValueError, UnicodeDecodeError):
        raise UserError(f"{path}: not a split of rows 'index,label'. Draw it again.") from None
    if header != HEADER or table.ndim != 2 or table.shape[1] != len(HEADER):
        raise UserError(f"{path}: not a split of rows 'index,label'. Draw it again.")
    labels_N = table[:, 1]
    if labels_N.min() < 0 or (np.bincount(labels_N) == 0).any():
        raise UserError(f"{path}: a class has no image. Draw it again.")
    return table[:, 0], labels_N
