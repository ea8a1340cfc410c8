"""Rows of numbers that are printed twice, under different names. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from cogloat.claims.schema import Column
from cogloat.claims.tables import Cell, Names, Source


@dataclass(frozen=True)
class Repetition:
    """Two rows that share numbers, means and deviations alike."""

    first: str
    second: str
    same: tuple[Column, ...]
    common: int


def repetitions(source: Source, at_least: int) -> Iterator[Repetition]:
    """Find pairs of rows with equal numbers.

    Args:
        source: the tables; rows that have one name in two tables are meant to be equal.
        at_least: equal cells that make a repetition.
    """
    rows: dict[tuple[str, Names], dict[Column, Cell]] = {}
    for table, content in source.tables.items():
        for (column, names), cell in content.cells.items():
            rows.setdefault((table, names), {})[column] = cell
    for (one, own), (other, others) in combinations(rows.items(), 2):
        common = [column for column in own if column in others]
        same = tuple(column for column in common if _digits(own[column]) == _digits(others[column]))
        if one[1] != other[1] and len(same) >= at_least:
            yield Repetition(_address(*one), _address(*other), same, len(common))


def _digits(cell: Cell) -> tuple[float, float | None]:
    return cell.mean, cell.std


def _address(table: str, names: Names) -> str:
    return ".".join((table, *names))
