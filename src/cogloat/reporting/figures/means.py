"""A table's means with their intervals: a line a method, a panel a measure or group of classes.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cogloat.errors import UserError
from cogloat.imbalance import Factor, from_text, title
from cogloat.readers.cells import Cell, decimal, optional, word
from cogloat.readers.tables import read_table
from cogloat.reporting.figures.style import WIDTH, colour, marker

PANELS_IN_A_ROW = 3
NEEDED: Mapping[str, Cell] = {
    "method": word,
    "dataset": word,
    "factor": from_text,
    "label": word,
    "mean": decimal,
}
NUMBERS = ("interval", "paper_mean", "ratio", "ratio_low", "ratio_high", "paper_ratio")
REMAKE = "Make the table again."


@dataclass(frozen=True)
class Point:
    """One mean.

    Attributes:
        panel: what it is of, such as the measure and the group of classes; may be empty.
        method: as the table prints it.
        dataset: its name in the configuration.
        factor: how it is long-tailed.
        mean: over seeds; of times, the median of the ratios to the first method's.
        low: end of the mean's interval, or quartile; None of one seed.
        high: likewise.
        paper: the printed number, if any.
    """

    panel: str
    method: str
    dataset: str
    factor: Factor
    mean: float
    low: float | None
    high: float | None
    paper: float | None


def read_points(path: Path) -> list[Point]:
    """Read a table of ours: accuracies, features, groups, separability or times.

    Raises:
        OSError: if it is missing or cannot be read.
        UserError: if it is no such table, or has no line.
    """
    numbers: Mapping[str, Cell] = dict.fromkeys(NUMBERS, optional(decimal))
    table = read_table(path, NEEDED, REMAKE, others=lambda name: numbers.get(name, str))
    if not table.rows:
        raise UserError(f"{path}: the table has no line. {REMAKE}")
    timed = "ratio" in table.columns
    return [_timed(own) if timed else _measured(own) for _, own in table.rows]


def draw(points: Sequence[Point], datasets: Mapping[str, str]) -> Figure:
    """Return the panels.

    Args:
        points: from `read_points`.
        datasets: dataset -> what the legend says.
    """
    panels = list(dict.fromkeys(point.panel for point in points))
    methods = list(dict.fromkeys(point.method for point in points))
    sets = list(dict.fromkeys((point.dataset, point.factor) for point in points))
    columns = min(len(panels), PANELS_IN_A_ROW)
    rows = -(-len(panels) // columns)
    step = 0.8 / len(sets)
    height = 0.16 * len(methods) * (1 + 0.5 * (len(sets) - 1)) + 0.5
    figure = Figure(figsize=(WIDTH, rows * height + 0.6))
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        for number, (dataset, factor) in enumerate(sets):
            own = [
                point
                for point in points
                if (point.panel, point.dataset, point.factor) == (panel, dataset, factor)
            ]
            heights = [methods.index(point.method) + step * (number + 0.5) - 0.4 for point in own]
            _draw_set(axes, own, heights, number, f"{datasets[dataset]} {title(factor)}")
        axes.set(title=panel)
        axes.set_yticks(range(len(methods)), methods)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    found: dict[str, Any] = {}
    for axes in grid.flat:
        handles, names = axes.get_legend_handles_labels()
        found |= dict(zip(names, handles, strict=True))
    figure.legend([*found.values()], [*found], loc="outside lower center", ncols=4)
    return figure


def _draw_set(
    axes: Axes, points: Sequence[Point], heights: Sequence[float], number: int, label: str
) -> None:
    for position, (point, height) in enumerate(zip(points, heights, strict=True)):
        if point.low is not None and point.high is not None:
            axes.plot([point.low, point.high], [height, height], color=colour(number))
        axes.plot(
            point.mean,
            height,
            marker(number),
            color=colour(number),
            markersize=4,
            label=label if position == 0 else None,
        )
        if point.paper is not None:
            axes.plot(
                point.paper,
                height,
                marker(number),
                color=colour(number),
                markerfacecolor="none",
                markersize=5,
                label=f"{label}, paper" if point == _first_printed(points) else None,
            )


def _first_printed(points: Sequence[Point]) -> Point | None:
    return next((point for point in points if point.paper is not None), None)


def _measured(cells: Mapping[str, Any]) -> Point:
    mean, half = cells["mean"], cells.get("interval")
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return _point(cells, mean=mean, low=low, high=high, paper=cells.get("paper_mean"))


def _timed(cells: Mapping[str, Any]) -> Point:
    low, high = cells.get("ratio_low"), cells.get("ratio_high")
    return _point(cells, mean=cells["ratio"], low=low, high=high, paper=cells.get("paper_ratio"))


def _point(cells: Mapping[str, Any], **numbers: Any) -> Point:
    parts = [cells[name].replace("_", " ") for name in ("metric", "group") if name in cells]
    return Point(
        panel=", ".join(parts),
        method=cells["label"],
        dataset=cells["dataset"],
        factor=cells["factor"],
        **numbers,
    )
