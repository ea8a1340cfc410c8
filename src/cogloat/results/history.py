"""history.csv: one row an epoch. Imports no torch."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from cogloat.errors import UserError
from cogloat.files import write_text

Row = dict[str, int | float | None]


def write_history(path: Path, rows: list[Row]) -> None:
    """Write one row an epoch as CSV; what was not measured in an epoch is an empty cell."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_history(path: Path, column: str) -> dict[int, float]:
    """Return epoch (from 1) -> the value of a column, where it was measured.

    Raises:
        UserError: if it is no history, lacks the column, has an epoch twice or not in its place, or
            a value that is not finite; or if nothing was measured.
    """
    measured = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, strict=True), start=1):
                if None in row or None in row.values() or int(row["epoch"]) != number:
                    raise ValueError
                if row[column]:
                    measured[number] = float(row[column])
    except (KeyError, ValueError, csv.Error):
        raise UserError(
            f"{path}: {column}: not the history of a stage that measures it. Run the stage again."
        ) from None
    for epoch, value in measured.items():
        if not math.isfinite(value):
            raise UserError(f"{path}: {column}: {value} in epoch {epoch}. Run the stage again.")
    if not measured:
        raise UserError(f"{path}: {column}: not measured in any epoch. Run the stage again.")
    return measured
