"""history.csv: one row an epoch. Imports no torch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from cogloat.errors import UserError
from cogloat.files import write_text
from cogloat.readers.cells import Cell, decimal, optional, whole, within
from cogloat.readers.tables import read_table

Row = dict[str, int | float | None]
PERCENT = ("accuracy", "translated")  # how the names of percentages end
RUN_IT = "Run the stage again."


def write_history(path: Path, rows: list[Row]) -> None:
    """Write one row an epoch as CSV; what was not measured in an epoch is an empty cell."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_history(path: Path, column: str, epochs: int) -> dict[int, float]:
    """Return epoch (from 1) -> the value of a column, where it was measured.

    Args:
        path: the file.
        column: what was measured.
        epochs: of the stage, each of which has a line.

    Raises:
        UserError: if it is no history, lacks the column or an epoch, has one twice or not in its
            place, a number that is not finite, or an accuracy that is no percentage; or if nothing
            was measured.
    """
    table = read_table(path, {"epoch": whole}, RUN_IT, others=_measure)
    for place, (line, cells) in enumerate(table.rows, start=1):
        if cells["epoch"] != place:
            raise UserError(
                f"{path}: line {line}: epoch: it is {cells['epoch']}, not {place}. {RUN_IT}"
            )
    if len(table.rows) != epochs:
        raise UserError(f"{path}: has {len(table.rows)} of the stage's {epochs} epochs. {RUN_IT}")
    measured = {
        cells["epoch"]: cells[column] for _, cells in table.rows if cells.get(column) is not None
    }
    if not measured:
        raise UserError(f"{path}: {column}: not measured in any epoch. {RUN_IT}")
    return measured


def _measure(column: str) -> Cell:
    """Return how a column is read whose cells are empty where nothing was measured."""
    return optional(within(decimal, 0, 100) if column.endswith(PERCENT) else decimal)
