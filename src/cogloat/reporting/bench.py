"""The table of the bench: what was measured, its goal, and what is beyond its bound. No torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cogloat.errors import UserError
from cogloat.readers.cells import Cell, decimal, one_of, optional, whole, word
from cogloat.readers.tables import read_table
from cogloat.reporting.layout import Sheet
from cogloat.results.measured import AGAIN, Measured
from cogloat.runs.bench import STATES, Bench, Row

COLUMNS: dict[str, Cell] = {
    "group": word,
    "title": word,
    "label": word,
    "value": optional(decimal),
    "low": optional(decimal),
    "high": optional(decimal),
    "rounds": whole,
    "at_most": optional(decimal),
    "at_least": optional(decimal),
    "bound": optional(decimal),
    "state": one_of(*STATES),
    "note": str,
    "device": word,
    "threads": whole,
}
HEADS = ("", "", "Measured", "Goal", "")


def bench_table(lines: Sequence[Measured], bench: Bench) -> pd.DataFrame:
    """Return a line a row of the bench that was measured, in its order.

    Args:
        lines: what was measured.
        bench: the goals.

    Returns:
        The columns of `COLUMNS`: of the rounds the median, lowest and highest value.

    Raises:
        UserError: if a row was measured that the bench has not.
    """
    known = {(name, row.label): row for name, group in bench.groups.items() for row in group.rows}
    rounds: dict[tuple[str, str], list[Measured]] = {}
    for line in lines:
        if (line.group, line.label) not in known:
            raise UserError(f"bench.yaml has no row '{line.label}' of '{line.group}'. {AGAIN}")
        rounds.setdefault((line.group, line.label), []).append(line)
    found = [
        _line(group, bench.groups[group].title, row, rounds[group, label])
        for (group, label), row in known.items()
        if (group, label) in rounds
    ]
    return pd.DataFrame(found, columns=[*COLUMNS])


def failing_groups(table: pd.DataFrame) -> list[str]:
    """Return the groups with a number beyond its bound that another time may be within it."""
    again = (table["state"] == "failed") & (table["rounds"] > 1)
    return list(dict.fromkeys(table.loc[again, "group"]))


def to_markdown(table: pd.DataFrame) -> str:
    """Return the table with a goal beside each number, and under it what the numbers are."""
    lines = []
    for _, own in table.groupby("group", sort=False):
        for position, row in enumerate(rows(own)):
            title = row.title if position == 0 else ""
            lines.append([title, row.label, _measured(row), _goal(row), row.state])
    first = next(rows(table))
    legend = (
        f"On {first.device}, CPU threads: {first.threads}. Medians over rounds in which all take "
        "turns, from the lowest to the highest."
    )
    notes = [f"{row.title}, {row.label}: {row.note}." for row in rows(table) if row.note]
    return Sheet([*HEADS], lines, "\n".join([legend, *notes])).markdown()


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the lines of a table."""
    yield from table.itertuples()


def read_bench_table(path: Path) -> pd.DataFrame:
    """Read a table that was written.

    Raises:
        UserError: if it is damaged or has no line.
    """
    rows = read_table(path, COLUMNS, AGAIN).rows
    if not rows:
        raise UserError(f"{path}: has no line. {AGAIN}")
    return pd.DataFrame([row.cells for row in rows])


def check_bounds(path: Path, table: pd.DataFrame) -> None:
    """Refuse a table with a number beyond its bound.

    Raises:
        UserError: naming each.
    """
    failed = [
        f"{path}: {row.title}: {row.label}: {number(row.value)} is beyond the bound, "
        f"{number(row.bound)}"
        for row in rows(table)
        if row.state == "failed"
    ]
    if failed:
        raise UserError(
            "\n".join([*failed, "Find what made it slow, or run the bench on an idle machine."])
        )


def _goal(row: Any) -> str:
    for name in ("at_most", "at_least"):
        if pd.notna(value := getattr(row, name)):
            return f"{name.replace('_', ' ')} {number(value)}"
    return ""


def number(value: float) -> str:
    """Return a number with three digits; a whole one with all."""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _line(group: str, title: str, row: Row, rounds: Sequence[Measured]) -> dict[str, Any]:
    values = [line.value for line in rounds if line.value is not None]
    median = statistics.median(values) if values else None
    return {
        "group": group,
        "title": title,
        "label": row.label,
        "value": median,
        "low": min(values, default=None),
        "high": max(values, default=None),
        "rounds": len(values),
        **row.model_dump(include={"at_most", "at_least", "bound"}),
        "state": row.state(median),
        **rounds[0].model_dump(include={"note", "device", "threads"}),
    }


def _measured(row: Any) -> str:
    if pd.isna(row.value):
        return ""
    spread = f" ({number(row.low)} to {number(row.high)})" if row.rounds > 1 else ""
    return f"{number(row.value)}{spread}"
