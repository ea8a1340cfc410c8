"""Tables of numbers with uncertainties, from CSV: the paper's and ours. Imports no torch."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field, FiniteFloat, ValidationError
from uncertainties import ufloat

from cogloat.config.claims import Place
from cogloat.errors import UserError

Number: TypeAlias = Any  # a float (exact) or a value of `uncertainties`, which has no types
Absent: TypeAlias = Literal["not printed", "not measured"]
Names: TypeAlias = tuple[str, ...]  # of a row: its values in the key columns
PRINTED = ("dataset", "factor", "mean", "std")
MEASURED = ("dataset", "factor", "seeds", "mean", "std")


@dataclass(frozen=True)
class Cell:
    """A number of a table.

    Attributes:
        number: the mean with its standard error, tagged with the number of seeds; a plain float
            where no deviation is printed. Every use of it is the same random variable.
    """

    mean: float
    std: float | None
    number: Number


@dataclass(frozen=True)
class Table:
    """The numbers of one table, and the names of its key columns."""

    keys: Names
    cells: Mapping[tuple[Place, Names], Cell]


@dataclass(frozen=True)
class Source:
    """Tables of one origin; `absent` is what a number that they lack is called."""

    tables: Mapping[str, Table]
    absent: Absent

    def places(self) -> list[str]:
        """Return the datasets and factors of all tables, once each."""
        cells = [cell for table in self.tables.values() for cell in table.cells]
        return list(dict.fromkeys(str(place) for place, _ in cells))


def _blank_is_none(text: str) -> str | None:
    return text or None


class _Row(BaseModel):
    """What a line holds beside its key columns."""

    dataset: Annotated[str, Field(min_length=1)]
    factor: Annotated[int, Field(ge=1)]
    mean: FiniteFloat
    std: Annotated[Annotated[FiniteFloat, Field(ge=0)] | None, BeforeValidator(_blank_is_none)]


def read_printed(folder: Path, seeds: int) -> Source:
    """Read the paper's tables, `<folder>/table<N>.csv`.

    Args:
        folder: key columns first, then dataset, factor, mean, std.
        seeds: runs behind a mean that has a deviation; a mean without one is exact.

    Raises:
        UserError: naming the file, the line and the fix.
    """
    tables = {}
    for path in sorted(folder.glob("table*.csv")):
        columns, lines = _read_csv(path)
        keys = columns[: -len(PRINTED)]
        if not keys or columns != (*keys, *PRINTED):
            needed = ", ".join(PRINTED)
            raise UserError(
                f"{path}: its columns must be key columns, then {needed}. Mend the header."
            )
        tables[path.stem] = _table(path, keys, [(line, seeds) for line in lines])
    if not tables:
        raise UserError(f"{folder}: has no table<N>.csv. Name the folder of the printed tables.")
    return Source(tables, "not printed")


def read_measured(folder: Path, printed: Source) -> Source:
    """Read our tables, `<folder>/table<N>.csv`, of those that the paper has.

    Args:
        folder: the key columns of the printed table, dataset, factor, seeds, mean, std; others
            are ignored. `seeds` lists them: "0 1 2".
        printed: the paper's tables.

    Raises:
        UserError: naming the file, the line and the fix.
    """
    tables = {}
    for name, table in printed.tables.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            continue
        columns, lines = _read_csv(path)
        for column in (*table.keys, *MEASURED):
            if column not in columns:
                raise UserError(f"{path}: has no column '{column}'. Make the table again.")
        counted = [(line, _seeds(path, number, line)) for number, line in enumerate(lines, 2)]
        tables[name] = _table(path, table.keys, counted)
    if not tables:
        names = ", ".join(f"{name}.csv" for name in printed.tables)
        raise UserError(f"{folder}: has none of {names}. Name the folder of the measured tables.")
    return Source(tables, "not measured")


def _read_csv(path: Path) -> tuple[Names, list[dict[str, str]]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *lines = [*csv.reader(file, strict=True)] or [[]]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV table ({error}). Mend it.") from None
    if not header or len(set(header)) < len(header):
        raise UserError(f"{path}: has no header of distinct columns. Mend the header.")
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise UserError(
                f"{path}: line {number} has {len(line)} fields, the header has {len(header)}. "
                "Mend the line."
            )
    return tuple(header), [dict(zip(header, line, strict=True)) for line in lines]


def _table(path: Path, keys: Names, lines: list[tuple[dict[str, str], int]]) -> Table:
    cells: dict[tuple[Place, Names], Cell] = {}
    for number, (line, seeds) in enumerate(lines, start=2):
        try:
            row = _Row.model_validate(line)
        except ValidationError as error:
            problem = error.errors()[0]
            raise UserError(
                f"{path}: line {number}: {problem['loc'][0]}: {problem['msg']}, but it is "
                f"'{problem['input']}'. Mend the line."
            ) from None
        place = Place(dataset=row.dataset, factor=row.factor)
        names = tuple(line[key] for key in keys)
        if (place, names) in cells:
            raise UserError(f"{path}: {' '.join(names)} on {place} is there twice. Remove one.")
        cells[place, names] = Cell(row.mean, row.std, _number(row, seeds))
    return Table(keys, cells)


def _number(row: _Row, seeds: int) -> Number:
    if seeds == 1:
        return ufloat(row.mean, math.nan, tag=1)
    if not row.std:  # none printed, or none to the digits of the table: exact
        return row.mean
    return ufloat(row.mean, row.std / math.sqrt(seeds), tag=seeds)


def _seeds(path: Path, number: int, line: dict[str, str]) -> int:
    seeds = len(set(line["seeds"].split()))
    if seeds == 0 or (seeds > 1 and not line["std"]):
        raise UserError(
            f"{path}: line {number}: seeds '{line['seeds']}' with std '{line['std']}'. "
            "Make the table again."
        )
    return seeds
