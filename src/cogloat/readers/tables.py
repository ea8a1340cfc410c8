"""CSV tables: a header, then lines of as many cells, each read as what its column holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cogloat.errors import UserError
from cogloat.readers.cells import Cell
from cogloat.readers.text import SAVE_IT, read_text

# what the csv module says -> what it means
MEANINGS = {
    "field larger": f"a cell has more than {csv.field_size_limit()} letters",
    "unexpected end": "a quote is not closed",
    "expected after": "something follows a closing quote",
    "new-line": "a carriage return stands within a line",
}


class Row(NamedTuple):
    """A line of a table: its number, from 1 for the header, and column -> value."""

    line: int
    cells: dict[str, Any]


class Table(NamedTuple):
    """The columns in their order, and the lines below the header."""

    columns: tuple[str, ...]
    rows: list[Row]


def read_table(
    path: Path | str,
    columns: Mapping[str, Cell],
    fix: str,
    *,
    others: Callable[[str], Cell] | None = None,
    by_hand: bool = False,
) -> Table:
    """Read a table.

    Args:
        path: the file.
        columns: that it must have -> how their cells are read.
        fix: what to do about a table that is damaged.
        others: the name of a further column -> how its cells are read; without it there must be
            none, and the columns stand in their order.
        by_hand: whether a person may have written it, and left out the end of the last line; where
            a program has, such a file is torn.

    Raises:
        OSError: if it is missing or cannot be read.
        UserError: if it is no such table, with the line, the column and the value.
    """
    text = read_text(path, SAVE_IT if by_hand else fix)
    if not by_hand and text and not text.endswith("\n"):
        line = text.count("\n") + 1
        raise UserError(f"{path}: line {line}: the file ends within the line. {fix}")
    lines = _lines(path, text, fix)
    header = next(lines, (1, []))[1]
    _check_header(path, header, columns, fix, ordered=others is None)
    cells = [
        columns[name] if name in columns or others is None else others(name) for name in header
    ]
    rows = []
    for number, texts in lines:
        if len(texts) != len(header):
            found = f"has {len(texts)} cells, the header has {len(header)}" if texts else "is blank"
            raise UserError(f"{path}: line {number}: it {found}. {fix}")
        try:
            values = [read(own) for read, own in zip(cells, texts, strict=True)]
        except ValueError:
            raise UserError(
                f"{path}: line {number}: {_wrong(header, cells, texts)}. {fix}"
            ) from None
        rows.append(Row(number, dict(zip(header, values, strict=True))))
    return Table(tuple(header), rows)


def _lines(path: Path | str, text: str, fix: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line; a quoted cell may go on in the next ones."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            texts = next(reader, None)
        except csv.Error as error:
            known = (words for start, words in MEANINGS.items() if start in str(error))
            problem = next(known, str(error))
            raise UserError(f"{path}: line {number}: not CSV: {problem}. {fix}") from None
        if texts is None:
            return
        yield number, texts


def _check_header(
    path: Path | str, header: list[str], columns: Mapping[str, Cell], fix: str, *, ordered: bool
) -> None:
    needed = ", ".join(columns)
    if not header:
        raise UserError(f"{path}: has no first line with its columns: {needed}. {fix}")
    if ordered and header != [*columns]:
        found = ", ".join(map(repr, header))
        raise UserError(
            f"{path}: line 1: the columns must be {needed}, but they are {found}. {fix}"
        )
    for name in header:
        if header.count(name) > 1:
            raise UserError(f"{path}: line 1: the column {name!r} is there twice. {fix}")
    for name in columns:
        if name not in header:
            raise UserError(f"{path}: line 1: there is no column '{name}'. {fix}")


def _wrong(header: list[str], cells: list[Cell], texts: list[str]) -> str:
    """Say which cell of a line cannot be read, and why."""
    for name, read, text in zip(header, cells, texts, strict=True):
        try:
            read(text)
        except ValueError as error:
            return f"{name if name.isprintable() else repr(name)}: {error}"
    raise AssertionError("every cell can be read")
