"""bench/measured.csv: what the bench measured, a line a row and round. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from pydantic import FiniteFloat, NonNegativeInt, ValidationError

from cogloat.errors import UserError
from cogloat.files import write_text
from cogloat.readers.cells import Cell, decimal, optional, whole, word
from cogloat.readers.tables import read_table
from cogloat.results.reading import Artefact, Count, Name

AGAIN = "Run the bench again."


class Measured(Artefact):
    """A number in a round, or why there is none.

    Attributes:
        group: of the row in config/bench.yaml.
        label: of the row.
        value: the quantity, or the ratio; none where it was left out.
        note: why it was left out, or what the value is made of.
    """

    group: Name
    label: Name
    round: NonNegativeInt
    value: FiniteFloat | None
    note: str
    device: Name
    threads: Count


COLUMNS: dict[str, Cell] = {
    "group": word,
    "label": word,
    "round": whole,
    "value": optional(decimal),
    "note": str,
    "device": word,
    "threads": whole,
}


def write_measured(path: Path, lines: Iterable[Measured]) -> None:
    """Write measured numbers as CSV."""
    table = pd.DataFrame([line.model_dump() for line in lines], columns=[*COLUMNS])
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_measured(path: Path) -> list[Measured]:
    """Read what was measured.

    Raises:
        UserError: if the file is damaged or has no line.
    """
    rows = read_table(path, COLUMNS, AGAIN).rows
    if not rows:
        raise UserError(f"{path}: has no number. {AGAIN}")
    found = []
    for row in rows:
        try:
            found.append(Measured.model_validate(row.cells))
        except ValidationError as error:
            problem = error.errors()[0]
            raise UserError(
                f"{path}: line {row.line}: {problem['loc'][0]}: {problem['msg']}, but it is "
                f"{problem['input']!r}. {AGAIN}"
            ) from None
    return found
