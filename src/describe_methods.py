r"""Write, in the pages about methods, what config/ says of them: files, tables, expected numbers.

A page has a line `<!-- methods of ROOM ROOM -->` and, below it, a line `<!-- end -->`; what stands
between them is replaced. Cost: two seconds.

Example:
    python src/describe_methods.py --config config --pages docs/methods
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cogloat.errors import UserError, nearest
from cogloat.files import writable_folder, write_text
from cogloat.imbalance import folder, title
from cogloat.markup import filled, markdown
from cogloat.methods.rooms import settings_types
from cogloat.readers.documents import read_document
from cogloat.results.printed import ACCURACY, CELL, read_printed
from cogloat.runs.collections import AccuracyTable
from cogloat.runs.load import dataset_labels, load_method, load_workflow, method_of
from cogloat.runs.named import named_file, names

BLOCK = re.compile(r"^<!-- methods of ([\w ]+) -->\n.*?^<!-- end -->$", re.M | re.S)
FILES = "../../config/methods"  # from a page


class Row(NamedTuple):
    """A method's numbers of one origin: text by dataset and imbalance, such as cifar10_if100."""

    method: str
    origin: str
    numbers: dict[str, str]


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="folder of the configuration")
    parser.add_argument(
        "--pages", type=writable_folder, required=True, help="folder of the pages, *.md"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Describe."""
    args = parse_args(argv)
    pages = {page: page.read_text() for page in sorted(args.pages.glob("*.md"))}
    blocks = {page: block for page, text in pages.items() if (block := BLOCK.search(text))}
    if not blocks:
        raise UserError(
            f"{args.pages}: no page has a line '<!-- methods of ROOM -->' with a line "
            "'<!-- end -->' below it. Give the folder of those that do."
        )
    for page, block in blocks.items():
        methods = methods_of(args.config, page, block[1].split())
        tables = [table_of_files(args.config, methods), *table_of_numbers(args.config, methods)]
        new = "".join(f"\n{table}\n" for table in tables)
        write_text(page, filled(block.string, f"methods of {block[1]}", f"{new}\n") or block.string)


def methods_of(config: Path, page: Path, rooms: list[str]) -> list[str]:
    """Return the methods whose first stage is of some rooms, those of the paper's tables first.

    Raises:
        UserError: if there is no such room.
    """
    known = settings_types()
    for room in rooms:
        if room not in known:
            raise UserError(f"{page}: the room {room!r} is unknown. {nearest(room, known)}")
    tables = load_workflow(config).collections["paper"].tables.values()
    listed = [method for table in tables for method in table.methods]
    every = dict.fromkeys([*listed, *names(config, "methods")])
    return [method for method in every if room_of(config, method) in rooms]


def room_of(config: Path, method: str) -> str:
    """Return the room of a method's first stage: with another method's encoder, that method's."""
    first = load_method(config, method).stages[0]
    settings = getattr(load_method(config, method_of(config, method, first)), first)
    return str(settings.objective)


def table_of_files(config: Path, methods: Iterable[str]) -> str:
    """Return a table: a method, its file, what that extends, and where the method is shown."""
    rows = []
    collections = load_workflow(config).collections
    for method in methods:
        above = read_document(named_file(config, "method", method)).get("extends")
        tables = collections["paper"].tables.items()
        places = [f"`{name}`" for name, table in tables if method in table.methods]
        if any(method in table.methods for table in collections["readings"].tables.values()):
            places.append("the collection `readings`")
        label = markdown(load_method(config, method).label)
        rows.append([label, _link(method), _link(above) if above else "", ", ".join(places)])
    return _table(["Method", "File", "Extends", "In the tables"], rows)


def table_of_numbers(config: Path, methods: Iterable[str]) -> list[str]:
    """Return a table of printed and of expected accuracies, and whose the latter are; or nothing.

    The sets are in the order in which the paper prints them.
    """
    printed = _printed_tables(config)
    sources: dict[str, int] = {}
    rows = []
    for method in methods:
        for name, table in printed.items():
            rows += _printed(method, name, table[table.method == method])
        rows += _expected(config, method, sources)
    datasets = dataset_labels(config, {own for table in printed.values() for own in table.dataset})
    every = {
        f"{dataset}_{folder(factor)}": f"{datasets[dataset]} {title(factor)}"
        for table in printed.values()
        for dataset, factor in zip(table.dataset, table.factor, strict=True)
    }
    sets = [key for key in every if any(key in row.numbers for row in rows)]
    if not sets:
        return []
    cells = [
        [
            markdown(load_method(config, row.method).label),
            row.origin,
            *(row.numbers.get(key, "") for key in sets),
        ]
        for row in rows
    ]
    heads = ["Method", "Number", *(every[key] for key in sets)]
    return [
        _table(heads, cells),
        "\n".join(f"{number}. {markdown(own)}" for own, number in sources.items()),
    ]


def _printed_tables(config: Path) -> dict[str, pd.DataFrame]:
    """Return what the paper's tables of accuracies print, by their names there, such as Table 2."""
    tables = load_workflow(config).collections["paper"].tables.values()
    files = [table.printed for table in tables if isinstance(table, AccuracyTable)]
    return {
        name.replace("table", "Table "): read_printed(
            config / "paper" / f"{name}.csv", CELL, ACCURACY
        )
        for name in filter(None, files)
    }


def _printed(method: str, name: str, table: pd.DataFrame) -> list[Row]:
    """Return a method's row of what a table prints, if it prints something."""
    numbers = {
        f"{dataset}_{folder(factor)}": _points(mean) if pd.isna(std) else f"{mean:.1f} ± {std:.1f}"
        for dataset, factor, mean, std in zip(
            table.dataset, table.factor, table["mean"], table["std"], strict=True
        )
    }
    epochs = ", ".join(f"{epoch} epoch" for epoch in table.epoch.unique())
    origin = f"printed in {name}, {epochs.replace('unsaid epoch', 'epoch unsaid')}"
    return [Row(method, origin, numbers)] if numbers else []


def _expected(config: Path, method: str, sources: dict[str, int]) -> list[Row]:
    """Return a method's row of what is expected, if something is; number its sources."""
    numbers = {}
    for key, known in load_method(config, method).expect.items():
        number = sources.setdefault(known.source, len(sources) + 1)
        window = "" if known.window is None else f" ({' to '.join(map(_points, known.window))})"
        numbers[key] = f"{_points(known.mean)}{window} <sup>{number}</sup>"
    return [Row(method, "expected", numbers)] if numbers else []


def _points(accuracy: float) -> str:
    """Return an accuracy with its digits, of which the first after the point is always written."""
    return f"{accuracy:.1f}" if round(accuracy, 1) == accuracy else f"{accuracy:g}"


def _link(method: str) -> str:
    return f"[{method}]({FILES}/{method}.yaml)"


def _table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
