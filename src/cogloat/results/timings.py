"""times/<dataset>/if<factor>.csv: timings, a line a method, round and part. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
from pydantic import NonNegativeInt, PositiveFloat, ValidationError

from cogloat.errors import UserError
from cogloat.files import write_text
from cogloat.imbalance import Factor, title
from cogloat.readers.cells import Cell, decimal, whole, word
from cogloat.readers.tables import Row, read_table
from cogloat.results.printed import CELL
from cogloat.results.reading import Artefact, Count, Name

Part = Literal["refresh", "step", "floor"]
PARTS: tuple[Part, ...] = get_args(Part)
MACHINE = ("device", "threads", "precision", "arithmetic")
TIME_THEM = "Time the epochs again."


class Timing(Artefact):
    """Seconds of one start of an epoch, of one training step, or of one step's floor."""

    dataset: Name
    factor: Factor
    method: Name
    round: NonNegativeInt
    part: Part
    seconds: PositiveFloat
    steps_per_epoch: Count
    device: Name
    threads: Count
    precision: Name
    arithmetic: Name


def _cell(kind: object) -> Cell:
    return whole if kind is int else decimal if kind is float else word


COLUMNS = {name: _cell(field.annotation) for name, field in Timing.model_fields.items()}


def write_timings(path: Path, timings: Iterable[Timing]) -> None:
    """Write timings as CSV."""
    table = pd.DataFrame([timing.model_dump() for timing in timings], columns=[*COLUMNS])
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_timings(paths: Sequence[Path]) -> pd.DataFrame:
    """Read files of timings; those of one dataset and factor are in one file.

    Returns:
        The lines of all files in their order, with the columns of `Timing` and `file`.

    Raises:
        UserError: if a file is damaged or not complete, two have the same dataset and factor, or
            the timings were taken on different machines.
    """
    timings = pd.concat([_read(path).assign(file=str(path)) for path in paths], ignore_index=True)
    for (dataset, factor), group in timings.groupby(["dataset", "factor"], sort=False):
        files = group["file"].unique()
        if len(files) > 1:
            raise UserError(
                f"{files[1]}: {dataset} {title(factor)} is in {files[0]} already. "
                "Give one file for each, with all methods."
            )
    first = timings.iloc[0]
    for column in MACHINE:
        for other in timings[timings[column] != first[column]].itertuples():
            raise UserError(
                f"{other.file}: {column}: '{getattr(other, column)}', but {first.file} has "
                f"'{first[column]}'. Take all timings of a table on one machine."
            )
    return timings


def _read(path: Path) -> pd.DataFrame:
    rows = read_table(path, COLUMNS, TIME_THEM).rows
    if not rows:
        raise UserError(f"{path}: has no timing. {TIME_THEM}")
    timings = pd.DataFrame([_timing(path, row).model_dump() for row in rows])
    _check_complete(path, timings)
    return timings


def _timing(path: Path, row: Row) -> Timing:
    try:
        return Timing.model_validate(row.cells)
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(
            f"{path}: line {row.line}: {problem['loc'][0]}: {problem['msg']}, but it is "
            f"{problem['input']!r}. {TIME_THEM}"
        ) from None


def _check_complete(path: Path, timings: pd.DataFrame) -> None:
    """Refuse a file in which a method lacks a part of a round, or has one twice."""
    rounds = timings["round"].unique()
    for (method, dataset, factor), group in timings.groupby(CELL, sort=False):
        subject = f"{path}: {method} on {dataset} {title(factor)}"
        times = group.groupby(["round", "part"]).size()
        for number in rounds:
            for part in PARTS:
                count = times.get((number, part), 0)
                if count != 1:
                    raise UserError(
                        f"{subject}: round {number} has {part} {count} times, not once. {TIME_THEM}"
                    )
        if group["steps_per_epoch"].nunique() > 1:
            raise UserError(f"{subject}: steps_per_epoch differs. {TIME_THEM}")
