"""The paper's printed numbers, config/paper/<name>.csv. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from cogloat.errors import UserError
from cogloat.imbalance import from_text, title
from cogloat.readers.cells import Cell, decimal, one_of, optional, within, word
from cogloat.readers.tables import read_table

CELL = ["method", "dataset", "factor"]  # what a table has one number for
NUMBERS: Mapping[str, Cell] = {"mean": decimal, "std": optional(within(decimal, 0))}
# of an accuracy: of which epoch it is, the best on the test or validation set or the last
ACCURACY: Mapping[str, Cell] = {**NUMBERS, "epoch": one_of("best", "last", "unsaid")}


def read_printed(
    path: Path | None, keys: Sequence[str] = CELL, numbers: Mapping[str, Cell] = NUMBERS
) -> pd.DataFrame:
    """Read a table of printed numbers: key columns and `numbers`; it is empty without a file.

    Raises:
        UserError: if it is no such table, has other columns, or a number is there twice.
    """
    columns = {key: from_text if key == "factor" else word for key in keys}
    columns |= numbers
    rows = [] if path is None else read_table(path, columns, "Mend the line.", by_hand=True).rows
    printed = pd.DataFrame([cells for _, cells in rows], columns=[*columns])
    printed = printed.astype({"factor": "object", **dict.fromkeys(NUMBERS, float)})
    for (line, cells), twice in zip(rows, printed.duplicated(list(keys)), strict=True):
        if twice:
            raise UserError(
                f"{path}: line {line}: {cells['method']} on {cells['dataset']} "
                f"{title(cells['factor'])} is there twice. Remove one."
            )
    return printed
