"""What the bench measured beside goals and bounds: a panel a group. Imports no torch."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cogloat.reporting.figures.style import GREY, PALETTE, WIDTH, shortened

COLUMNS = 2
LABEL = 34  # letters
ROW = 0.17  # inches
COLOURS = {
    "met": PALETTE[2],
    "missed": PALETTE[4],
    "failed": PALETTE[1],
    "no goal": PALETTE[6],
}


def draw(table: pd.DataFrame) -> Figure:
    """Return the panels; what was left out is not in them.

    Args:
        table: from `read_bench_table`.
    """
    shown = table[table["value"].notna()]
    groups = [own for _, own in shown.groupby("group", sort=False)]
    rows = max(1, -(-len(groups) // COLUMNS))
    tallest = [
        max(map(len, groups[start : start + COLUMNS])) for start in range(0, len(groups), COLUMNS)
    ] or [1]
    heights = [ROW * count + 0.5 for count in tallest]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.3))
    grid = figure.subplots(rows, COLUMNS, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, own in zip(grid.flat, groups, strict=False):
        _draw_group(axes, own)
    for axes in list(grid.flat)[len(groups) :]:
        axes.set_visible(False)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=6)
    return figure


def _draw_group(axes: Axes, rows: pd.DataFrame) -> None:
    for height, row in enumerate(rows.itertuples()):
        _draw_row(axes, height, row)
    axes.set_title(rows["title"].iloc[0])
    axes.set_yticks(range(len(rows)), [shortened(label, LABEL) for label in rows["label"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    right = axes.get_xlim()[1]
    axes.set_xlim(-0.03 * right, 1.03 * right)  # a point at 0 is seen whole


def _draw_row(axes: Axes, height: int, row: Any) -> None:
    goal = row.at_most if pd.notna(row.at_most) else row.at_least
    if pd.notna(row.bound):
        axes.plot(row.bound, height, "|", color=GREY, markersize=8)
    if pd.notna(goal):
        axes.plot(goal, height, "o", color="black", markerfacecolor="none", markersize=5)
    colour = COLOURS[row.state]
    axes.plot([row.low, row.high], [height, height], color=colour)
    axes.plot(row.value, height, "o", color=colour, markersize=4)


def _legend() -> list[Line2D]:
    none: list[float] = []
    points = [
        Line2D(none, none, marker="o", linestyle="", color=colour, markersize=4, label=state)
        for state, colour in COLOURS.items()
    ]
    hollow = {"marker": "o", "markerfacecolor": "none", "markersize": 5}
    goal = Line2D(none, none, linestyle="", color="black", label="goal", **hollow)  # type: ignore[arg-type]
    bound = Line2D(none, none, marker="|", linestyle="", color=GREY, markersize=8, label="bound")
    return [*points, goal, bound]
