"""Tables of numbers with uncertainties, from CSV: the paper's and ours. Imports no torch."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, FiniteFloat, ValidationError
from uncertainties import ufloat

from cogloat.claims.schema import Column
from cogloat.config.checks import NAME
from cogloat.errors import UserError
from cogloat.imbalance import Factor

Number: TypeAlias = Any  # a float (exact) or a value of `uncertainties`, which has no types
Absent: TypeAlias = Literal["not printed", "not measured"]
Names: TypeAlias = tuple[str, ...]  # of a row: its values in the key columns
Sample: TypeAlias = int | tuple[Column, int]  # a training seed, or a round of a column
PRINTED = ("dataset", "factor", "mean", "std")
MEASURED = ("dataset", "factor", "seeds", "mean", "std")
TIMED = ("dataset", "factor", "rounds", "ratios", "mean")
MEND, REMAKE = "Mend the line.", "Make the table again."


@dataclass(frozen=True)
class Cell:
    """A number of a table.

    Attributes:
        number: the mean with its standard error, tagged with the number of seeds; a plain float
            where no deviation is known. Every use of it is the same random variable.
        values: where they are known, training seed -> value. Of a timed cell (column, round) ->
            ratio to the table's first method, as methods alternate in the rounds of one column.
        timed: whether it has rounds and not training seeds: its mean, in seconds, decides nothing.
    """

    mean: float
    std: float | None
    number: Number
    values: Mapping[Sample, float] = field(default_factory=dict)
    timed: bool = False


@dataclass(frozen=True)
class Table:
    """The numbers of one table, and the names of its key columns."""

    keys: Names
    cells: Mapping[tuple[Column, Names], Cell]


@dataclass(frozen=True)
class Source:
    """Tables of one origin; `absent` is what a number that they lack is called."""

    tables: Mapping[str, Table]
    absent: Absent

    def columns(self) -> list[str]:
        """Return the datasets and factors of all tables, once each."""
        cells = [cell for table in self.tables.values() for cell in table.cells]
        return list(dict.fromkeys(str(column) for column, _ in cells))


def _blank_is_none(text: str) -> str | None:
    return text or None


Listed = BeforeValidator(str.split)


class _Line(BaseModel):
    """What a line of any table holds beside its key columns."""

    dataset: Annotated[str, Field(min_length=1)]
    factor: Factor
    mean: FiniteFloat

    @property
    def column(self) -> Column:
        return Column(dataset=self.dataset, factor=self.factor)


class _Printed(_Line):
    std: Annotated[Annotated[FiniteFloat, Field(ge=0)] | None, BeforeValidator(_blank_is_none)]


class _Measured(_Printed):
    seeds: Annotated[tuple[int, ...], Listed]
    values: Annotated[tuple[FiniteFloat, ...], Listed] = ()


class _Timed(_Line):
    rounds: Annotated[tuple[int, ...], Listed]
    ratios: Annotated[tuple[FiniteFloat, ...], Listed]


Line = TypeVar("Line", bound=_Line)


def read_printed(folder: Path, seeds: int) -> Source:
    """Read the paper's tables, `<folder>/table<N>.csv`.

    Args:
        folder: key columns first, then dataset, factor, mean, std.
        seeds: runs behind a mean that has a deviation; a mean without one is exact.

    Raises:
        UserError: naming the file, the line and the fix.
    """

    def cell(line: _Printed) -> Cell:
        return Cell(line.mean, line.std, _number(line.mean, line.std, seeds))

    tables = {}
    for path in sorted(folder.glob("table*.csv")):
        if not NAME.fullmatch(path.stem):  # such as a copy that was left there
            continue
        header, lines = _read_csv(path)
        keys = header[: -len(PRINTED)]
        if not keys or header != (*keys, *PRINTED):
            needed = ", ".join(PRINTED)
            raise UserError(
                f"{path}: its columns must be key columns, then {needed}. Mend the header."
            )
        tables[path.stem] = _table(path, keys, lines, _Printed, cell, MEND)
    if not tables:
        raise UserError(f"{folder}: has no table<N>.csv. Name the folder of the printed tables.")
    return Source(tables, "not printed")


def read_measured(folder: Path, printed: Source) -> Source:
    """Read our tables, `<folder>/table<N>.csv`, of those that the paper has.

    Args:
        folder: the key columns of the printed table, dataset, factor, mean, and of means over
            training seeds `seeds` ("0 1 2"), std and, where known, `values`, one a seed; of times
            `rounds` and `ratios`, one a round. Others are ignored.
        printed: the paper's tables.

    Raises:
        UserError: naming the file, the line and the fix.
    """
    tables = {}
    for name, table in printed.tables.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            continue
        header, lines = _read_csv(path)
        timed = "rounds" in header
        for needed in (*table.keys, *(TIMED if timed else MEASURED)):
            if needed not in header:
                raise UserError(f"{path}: has no column '{needed}'. {REMAKE}")
        if timed:
            tables[name] = _table(path, table.keys, lines, _Timed, _timed_cell, REMAKE)
        else:
            tables[name] = _table(path, table.keys, lines, _Measured, _measured_cell, REMAKE)
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


def _table(
    path: Path,
    keys: Names,
    lines: list[dict[str, str]],
    model: type[Line],
    cell: Callable[[Line], Cell],
    fix: str,
) -> Table:
    """Return the table whose lines are of a type, which `cell` makes cells of or refuses."""
    cells: dict[tuple[Column, Names], Cell] = {}
    for number, values in enumerate(lines, start=2):
        try:
            line = model.model_validate(values)
            made = cell(line)
        except ValidationError as error:
            problem = error.errors()[0]
            raise UserError(
                f"{path}: line {number}: {problem['loc'][0]}: {problem['msg']}, but it is "
                f"'{problem['input']}'. {fix}"
            ) from None
        except ValueError as error:
            raise UserError(f"{path}: line {number}: {error}. {fix}") from None
        names = tuple(values[key] for key in keys)
        if (line.column, names) in cells:
            raise UserError(
                f"{path}: {' '.join(names)} on {line.column} is there twice. Remove one."
            )
        cells[line.column, names] = made
    return Table(keys, cells)


def _measured_cell(line: _Measured) -> Cell:
    mean, std, seeds = line.mean, line.std, line.seeds
    if not _one_each(seeds, line.values or seeds) or (len(seeds) > 1 and std is None):
        raise ValueError(
            f"seeds '{_listing(seeds)}' with std '{'' if std is None else std}' and values "
            f"'{_listing(line.values)}'"
        )
    if len(line.values) > 1:  # whatever the digits of the table
        mean, std = statistics.fmean(line.values), statistics.stdev(line.values)
    values: dict[Sample, float] = dict(zip(seeds, line.values, strict=False))  # or none of them
    return Cell(mean, std, _number(mean, std, len(seeds)), values)


def _timed_cell(line: _Timed) -> Cell:
    if not _one_each(line.rounds, line.ratios):
        raise ValueError(f"rounds '{_listing(line.rounds)}' with ratios '{_listing(line.ratios)}'")
    values: dict[Sample, float] = {
        (line.column, number): ratio for number, ratio in zip(line.rounds, line.ratios, strict=True)
    }
    return Cell(line.mean, None, line.mean, values, timed=True)


def _number(mean: float, std: float | None, seeds: int) -> Number:
    if seeds == 1:
        return ufloat(mean, math.nan, tag=1)
    if not std:  # none printed, or none to the digits of the table: exact
        return mean
    return ufloat(mean, std / math.sqrt(seeds), tag=seeds)


def _one_each(numbers: tuple[int, ...], values: tuple[float, ...]) -> bool:
    """Say whether there are distinct seeds or rounds, and a value of each."""
    return 0 < len(numbers) == len(set(numbers)) == len(values)


def _listing(numbers: tuple[float, ...]) -> str:
    return " ".join(map(str, numbers))
