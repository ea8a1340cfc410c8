"""predictions.csv: a row an image, with its most probable class and every class's probability.

Imports no torch.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cogloat.files import write_atomically
from cogloat.results.classes import escaped

COLUMNS = ("file", "class", "probability")


class Prediction(NamedTuple):
    """Of one image."""

    file: Path
    label: int
    probabilities: Sequence[float]


def write_predictions(
    path: Path, classes: Sequence[str], predictions: Iterable[Prediction]
) -> None:
    """Write predictions as they come, with six digits; nothing is left where they end in an error.

    Args:
        path: where the table goes.
        classes: names, by label; each has a column.
        predictions: of the images, in the order of the rows.
    """

    def write(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow([*COLUMNS, *_columns(classes)])
            for one in predictions:
                shares = [f"{share:.6g}" for share in one.probabilities]
                name = escaped(str(one.file))
                rows.writerow([name, classes[one.label], shares[one.label], *shares])
        finally:
            text.detach()

    write_atomically(path, write)


def _columns(classes: Sequence[str]) -> list[str]:
    """Return what the classes' columns are called: their names, unless another column is."""
    taken = {*COLUMNS, *classes}
    columns = []
    for name in classes:
        column = name
        while name in COLUMNS and column in taken:
            column += " (class)"
        columns.append(column)
    return columns
