"""The paper's printed numbers, config/paper/table<N>.csv. Imports no torch."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cogloat.errors import UserError


def read_printed(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a table of printed numbers: key columns, dataset, factor, mean, std.

    Raises:
        UserError: if it is no such table, has other columns, or a cell is there twice.
    """
    try:
        printed = pd.read_csv(path, dtype={"factor": int, "mean": float, "std": float})
    except ValueError as error:
        raise UserError(
            f"{path}: not a table of numbers ({str(error).strip()}). Mend it."
        ) from None
    if list(printed.columns) != columns:
        raise UserError(f"{path}: its columns must be {', '.join(columns)}. Mend the header.")
    cell = [column for column in columns if column not in ("mean", "std")]
    for row in printed[printed.duplicated(cell)].itertuples():
        raise UserError(
            f"{path}: {row.method} on {row.dataset} IF {row.factor} is there twice. Remove one."
        )
    return printed
