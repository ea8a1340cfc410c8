"""The names that an expression over tables may use, and what they lead to. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from cogloat.claims.schema import Column
from cogloat.claims.tables import Cell, Keys, Names, Number, Source
from cogloat.errors import UserError, nearest
from cogloat.imbalance import folder, from_folder

Constants = Mapping[str, float | Mapping[str, float]]
OF_THE_COLUMN = ("dataset", "factor", "each", "at")


class MissingNumberError(Exception):
    """The tables do not hold a number that the expression needs."""


@dataclass(frozen=True)
class Vocabulary:
    """What expressions may name.

    Attributes:
        rows: the rows of every table.
        addresses: of every number: dataset, factor, table, row.
        constants: a number, or one for each dataset.
    """

    rows: Mapping[str, frozenset[Names]]
    addresses: frozenset[Names]
    constants: Constants

    @property
    def first_names(self) -> set[str]:
        """What may stand before the first dot."""
        return {*self.rows, *self.constants, *OF_THE_COLUMN}


def vocabulary(
    sources: Iterable[Source], constants: Constants, unprinted: Mapping[str, Keys]
) -> Vocabulary:
    """Return what expressions over these sources, and over what they may yet hold, may name."""
    rows = {name: frozenset(product(*keys.values())) for name, keys in unprinted.items()}
    addresses = set()
    for source in sources:
        for name, table in source.tables.items():
            rows[name] = rows.get(name, frozenset()) | {names for _, names in table.cells}
            addresses |= {_address(column, name, names) for column, names in table.cells}
    return Vocabulary(rows, frozenset(addresses), constants)


class IncompleteName:
    """What stands before a dot: `table1`, `table1.variance`, `at.cifar100`."""

    __slots__ = ("_get", "_known", "_name")

    def __init__(self, name: str, known: set[str], get: Callable[[str], Number]) -> None:
        self._name, self._known, self._get = name, known, get

    def __getitem__(self, key: str) -> Number:
        if key not in self._known:
            raise UserError(f"{self._name} has no '{key}'. {nearest(str(key), self._known)}")
        return self._get(key)


class NamesAt:
    """The values of first names at one dataset and factor; `value` gives those of cells."""

    def __init__(
        self,
        source: Source,
        known: Vocabulary,
        column: Column,
        each: str | None,
        value: Callable[[Cell], Number],
    ) -> None:
        own = {"dataset": column.dataset, "factor": folder(column.factor)}
        self._own = own if each is None else {**own, "each": each}
        self._source, self._known, self._column, self._value = source, known, column, value

    def __getitem__(self, name: str) -> Number:
        if name in self._own:
            return self._own[name]
        if name in self._known.rows:
            rows = self._known.rows[name]
            return _tree(name, rows, lambda names: self._number(self._column, name, names))
        if name == "at":
            return _tree("at", self._known.addresses, self._far_number)
        if name in self._known.constants:
            return self._constant(name)
        raise UserError(f"'{name}' has no value here. Give the entry 'each', or mend the name.")

    def _number(self, column: Column, table: str, names: Names) -> Number:
        try:
            cell = self._source.tables[table].cells[column, names]
        except KeyError:
            raise MissingNumberError from None
        return self._value(cell)

    def _far_number(self, address: Names) -> Number:
        dataset, factor, table, *names = address
        column = Column(dataset=dataset, factor=from_folder(factor))
        return self._number(column, table, tuple(names))

    def _constant(self, name: str) -> float:
        constant = self._known.constants[name]
        if not isinstance(constant, Mapping):
            return constant
        if self._column.dataset not in constant:
            if self._source.absent == "not measured":  # data of a user's own, not the paper's
                raise MissingNumberError
            raise UserError(f"the constant '{name}' has no '{self._column.dataset}'. Add it.")
        return constant[self._column.dataset]


def _tree(name: str, paths: frozenset[Names], get: Callable[[Names], Number]) -> IncompleteName:
    """Return what leads to every path, name after name."""

    def follow(first: str) -> Number:
        rest = frozenset(path[1:] for path in paths if path[0] == first)
        if rest == {()}:
            return get((first,))
        return _tree(f"{name}.{first}", rest, lambda path: get((first, *path)))

    return IncompleteName(name, {path[0] for path in paths}, follow)


def _address(column: Column, table: str, names: Names) -> Names:
    return (column.dataset, folder(column.factor), table, *names)
