"""The paper's printed numbers, config/paper/<name>.csv. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cogloat.errors import UserError
from cogloat.imbalance import from_text, title

CELL = ["method", "dataset", "factor"]  # what a table has one number for
NUMBERS = {"mean": float, "std": float}


def read_printed(path: Path | None, keys: Sequence[str] = CELL) -> pd.DataFrame:
    """Read a table of printed numbers: key columns, mean, std; it is empty without a file.

    Raises:
        UserError: if it is no such table, has other columns, or a cell is there twice.
    """
    columns = [*keys, *NUMBERS]
    if path is None:
        return pd.DataFrame(columns=columns).astype(NUMBERS)
    try:
        printed = pd.read_csv(path, dtype=NUMBERS, converters={"factor": from_text})
    except ValueError as error:
        raise UserError(
            f"{path}: not a table of numbers ({str(error).strip()}). Mend it."
        ) from None
    if list(printed.columns) != columns:
        raise UserError(f"{path}: its columns must be {', '.join(columns)}. Mend the header.")
    for row in printed[printed.duplicated(list(keys))].itertuples():
        raise UserError(
            f"{path}: {row.method} on {row.dataset} {title(row.factor)} is there twice. Remove one."
        )
    return printed.astype({"factor": "object"})  # a number, or text such as 'natural'
