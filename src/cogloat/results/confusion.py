"""confusion.csv: what a run's classifier takes the images of each class for. Imports no torch.

A row a class, in the order of their labels, and a column a predicted class; cells are counts of
test images: `pandas.read_csv(path, index_col=0)`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cogloat.errors import UserError
from cogloat.files import write_text
from cogloat.results.metrics import Metrics

NAME = "confusion.csv"  # beside the run's metrics.json
CORNER = "true class"


def write_confusion(path: Path, classes: Sequence[str], counts_CC: NDArray[np.int64]) -> None:
    """Write the counts under the names of the predicted classes, each row after its class's."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CORNER, *classes])
    writer.writerows([name, *row] for name, row in zip(classes, counts_CC.tolist(), strict=True))
    write_text(path, text.getvalue())


def read_confusion(path: Path, metrics: Metrics) -> NDArray[np.int64]:
    """Read the counts of the run that some metrics are of.

    Raises:
        OSError: if the file is missing or cannot be read.
        UserError: if it is damaged, or its accuracies are not those of the metrics.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
        names, counts_CC = [row[0] for row in rows], np.array([row[1:] for row in rows], np.int64)
    except (ValueError, IndexError, OverflowError, csv.Error):
        raise UserError(
            f"{path}: not a table of counts, a row a class. Evaluate the run again."
        ) from None
    if header != [CORNER, *metrics.classes] or names != list(metrics.classes):
        raise UserError(f"{path}: its classes are not those of the run. Evaluate the run again.")
    if counts_CC.shape != (len(names),) * 2 or not _agrees(counts_CC, metrics):
        raise UserError(
            f"{path}: its counts do not give the accuracies of the run. Evaluate the run again."
        )
    return counts_CC


def _agrees(counts_CC: NDArray[np.int64], metrics: Metrics) -> bool:
    hits_C, images_C = counts_CC.diagonal(), counts_CC.sum(axis=1)
    if counts_CC.min() < 0 or images_C.min() == 0:
        return False
    accuracy = 100 * hits_C.sum() / images_C.sum()
    found = np.append(100 * hits_C / images_C, accuracy)
    return np.allclose(found, [*metrics.per_class, metrics.accuracy], rtol=0, atol=1e-9)
