"""Tables of numbers with uncertainties, from CSV: the paper's and ours. Imports no torch."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from uncertainties import ufloat

from cogloat.claims.schema import Column
from cogloat.config.checks import NAME
from cogloat.errors import UserError
from cogloat.imbalance import from_text
from cogloat.readers.cells import Cell as Read
from cogloat.readers.cells import decimal, listed, optional, whole, within, word
from cogloat.readers.tables import Row, read_table

Number: TypeAlias = Any  # a float (exact) or a value of `uncertainties`, which has no types
Absent: TypeAlias = Literal["not printed", "not measured"]
Names: TypeAlias = tuple[str, ...]  # of a row: its values in the key columns
Cells: TypeAlias = Mapping[str, Any]  # of a line: column -> value
Sample: TypeAlias = int | tuple[Column, int]  # a training seed, or a round of a column
Keys: TypeAlias = Mapping[str, tuple[str, ...]]  # key column -> values; rows are the combinations


class Digits(NamedTuple):
    """A number as it is printed: the true one is within `half` a unit of the last digit."""

    value: float
    half: float


class Sampled(NamedTuple):
    """Tag of a mean's standard error.

    Attributes:
        seeds: runs behind the mean.
        rounding: half a digit of the deviation that the error is from, relative to it.
    """

    seeds: int
    rounding: float = 0.0


ROUNDING = "rounding"  # tag of what the rounding of a printed mean may have taken away


def digits(read: Read) -> Read:
    """Return how a number is read together with its last digit."""

    def both(text: str) -> Digits:
        value = read(text)
        try:
            half = 0.5 * 10.0 ** int(Decimal(text).as_tuple().exponent)
        except ArithmeticError:
            raise ValueError(f"'{text}' has too large an exponent") from None
        return Digits(value, half)

    return both


def error_components(number: Number) -> Mapping[Any, float]:
    """Return random variable -> the part of a number's standard error that is of it."""
    return {} if isinstance(number, float | int) else number.error_components()


DEVIATION = within(decimal, 0)
COLUMN = {"dataset": word, "factor": from_text}  # -> how the cells are read
PRINTED = {**COLUMN, "mean": digits(decimal), "std": optional(digits(DEVIATION))}
OURS = {
    **{**COLUMN, "mean": decimal, "std": optional(DEVIATION)},
    **{"seeds": listed(whole), "values": listed(decimal)},
    **{"rounds": listed(whole), "ratios": listed(decimal)},
}
MEASURED = ("dataset", "factor", "seeds", "mean", "std")
TIMED = ("dataset", "factor", "rounds", "ratios", "mean")
MEND, REMAKE = "Mend the line.", "Make the table again."


@dataclass(frozen=True)
class Cell:
    """A number of a table.

    Attributes:
        number: the mean with its standard error, tagged `Sampled`, where a deviation is known;
            a printed one also with its rounding, tagged `ROUNDING`. Every use of it is the same
            random variable.
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


def read_printed(folder: Path, seeds: int) -> Source:
    """Read the paper's tables, `<folder>/table<N>.csv`.

    Args:
        folder: key columns first, then dataset, factor, mean, std, and others, which are ignored.
        seeds: runs behind a mean that has a deviation; one without is exact but for its rounding.

    Raises:
        UserError: naming the file, the line and the fix.
    """

    def cell(line: Cells) -> Cell:
        mean, std = line["mean"], line["std"]
        return Cell(mean.value, std.value if std else None, _printed_number(mean, std, seeds))

    tables = {}
    for path in sorted(folder.glob("table*.csv")):
        if not NAME.fullmatch(path.stem):  # such as a copy that was left there
            continue
        header, rows = _read(path, tuple(PRINTED), PRINTED, MEND)
        keys = header[: header.index("dataset")]
        if not keys or header[len(keys) :][: len(PRINTED)] != tuple(PRINTED):
            needed = ", ".join(PRINTED)
            raise UserError(
                f"{path}: line 1: the columns must be key columns, then {needed}. Mend the header."
            )
        tables[path.stem] = _table(path, keys, rows, cell, MEND)
    if not tables:
        raise UserError(f"{folder}: has no table<N>.csv. Name the folder of the printed tables.")
    return Source(tables, "not printed")


def read_measured(folder: Path, printed: Source, unprinted: Mapping[str, Keys]) -> Source:
    """Read our tables, `<folder>/<name>.csv`, of those that claims can name.

    Args:
        folder: the key columns of the printed table, dataset, factor, mean, and of means over
            training seeds `seeds` ("0 1 2"), std and, where known, `values`, one a seed; of times
            `rounds` and `ratios`, one a round. Others are ignored.
        printed: the paper's tables.
        unprinted: table -> its key columns, of tables that the paper lacks, or rows of its own.

    Raises:
        UserError: naming the file, the line and the fix.
    """
    tables = {}
    keys_of = {name: table.keys for name, table in printed.tables.items()}
    for name, columns in unprinted.items():
        if keys_of.setdefault(name, tuple(columns)) != tuple(columns):
            raise UserError(
                f"unprinted.{name}: its key columns are {', '.join(columns)}, the printed table's "
                f"are {', '.join(keys_of[name])}. Write these."
            )
    for name, keys in keys_of.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            continue
        header, rows = _read(path, keys, OURS, REMAKE)
        timed = "rounds" in header
        for needed in TIMED if timed else MEASURED:
            if needed not in header:
                raise UserError(f"{path}: line 1: there is no column '{needed}'. {REMAKE}")
        cell = _timed_cell if timed else _measured_cell
        tables[name] = _table(path, keys, rows, cell, REMAKE)
    if not tables:
        names = ", ".join(f"{name}.csv" for name in keys_of)
        raise UserError(f"{folder}: has none of {names}. Name the folder of the measured tables.")
    return Source(tables, "not measured")


def _read(
    path: Path, needed: Names, known: Mapping[str, Read], fix: str
) -> tuple[Names, list[Row]]:
    columns = {name: known.get(name, str) for name in needed}
    return read_table(path, columns, fix, others=lambda name: known.get(name, str), by_hand=True)


def _table(
    path: Path, keys: Names, rows: list[Row], cell: Callable[[Cells], Cell], fix: str
) -> Table:
    """Return the table of the cells that `cell` makes of lines, or refuses."""
    cells: dict[tuple[Column, Names], Cell] = {}
    for number, line in rows:
        column = Column(dataset=line["dataset"], factor=line["factor"])
        names = tuple(line[key] for key in keys)
        if (column, names) in cells:
            raise UserError(
                f"{path}: line {number}: {' '.join(names)} on {column} is there twice. Remove one."
            )
        try:
            cells[column, names] = cell(line)
        except ValueError as error:
            raise UserError(f"{path}: line {number}: {error}. {fix}") from None
    return Table(keys, cells)


def _measured_cell(line: Cells) -> Cell:
    mean, std, seeds, values = line["mean"], line["std"], line["seeds"], line.get("values", ())
    if not _one_each(seeds, values or seeds) or (len(seeds) > 1 and std is None):
        raise ValueError(
            f"seeds '{_listing(seeds)}' with std '{'' if std is None else std}' and values "
            f"'{_listing(values)}'"
        )
    if len(values) > 1:  # whatever the digits of the table
        mean, std = statistics.fmean(values), statistics.stdev(values)
    by_seed: dict[Sample, float] = dict(zip(seeds, values, strict=False))  # or none of them
    return Cell(mean, std, _number(mean, std, len(seeds)), by_seed)


def _timed_cell(line: Cells) -> Cell:
    rounds, ratios = line["rounds"], line["ratios"]
    if not _one_each(rounds, ratios):
        raise ValueError(f"rounds '{_listing(rounds)}' with ratios '{_listing(ratios)}'")
    column = Column(dataset=line["dataset"], factor=line["factor"])
    values: dict[Sample, float] = {
        (column, number): ratio for number, ratio in zip(rounds, ratios, strict=True)
    }
    return Cell(line["mean"], None, line["mean"], values, timed=True)


def _printed_number(mean: Digits, std: Digits | None, seeds: int) -> Number:
    number = ufloat(mean.value, mean.half, tag=ROUNDING)
    if not (std and std.value):  # none printed, or none to the digits of the table
        return number
    tag = Sampled(seeds, std.half / std.value)
    return number + ufloat(0, std.value / math.sqrt(seeds), tag=tag)


def _number(mean: float, std: float | None, seeds: int) -> Number:
    if seeds == 1:
        return ufloat(mean, math.nan, tag=Sampled(1))
    if not std:  # none to the digits of the table: exact
        return mean
    return ufloat(mean, std / math.sqrt(seeds), tag=Sampled(seeds))


def _one_each(numbers: tuple[int, ...], values: tuple[float, ...]) -> bool:
    """Say whether there are distinct seeds or rounds, and a value of each."""
    return 0 < len(numbers) == len(set(numbers)) == len(values)


def _listing(numbers: tuple[float, ...]) -> str:
    return " ".join(map(str, numbers))
