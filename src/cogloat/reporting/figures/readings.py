"""What each reading of the paper changes, in rows: accuracy, and measures of its encoder beside it.

Rows and numbers are those of tables, in each of which every method is compared with the first one,
seed by seed. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from cogloat.errors import UserError
from cogloat.imbalance import Factor, from_text, title
from cogloat.readers.cells import Cell, decimal, listed, whole, word
from cogloat.readers.tables import read_table
from cogloat.reporting.figures.style import GREY, PALETTE, WIDTH, shortened
from cogloat.reporting.seeds import over_seeds

BETTER, WORSE, UNDECIDED = PALETTE[2], PALETTE[1], PALETTE[6]
LETTERS = 42  # of a row's name
ROW = 0.17  # inches
NEEDED: Mapping[str, Cell] = {
    **{"method": word, "dataset": word, "factor": from_text, "label": word},
    **{"seeds": listed(whole), "values": listed(decimal)},
}
FIX = "Make the table again"


class Column(NamedTuple):
    """A measure beside the accuracy.

    Attributes:
        kind: of the table that it is in.
        metric: in that table.
        title: stands over it.
        group: of classes, in that table; None where it has none.
        ratio: whether it is shown over that of the table's first method, else as it is.
        scale: of its axis.
    """

    kind: str
    metric: str
    title: str
    group: str | None = None
    ratio: bool = True
    scale: Literal["linear", "log"] = "linear"

    @property
    def measure(self) -> str:
        """What it is called among the numbers."""
        return self.metric if self.group is None else f"{self.metric}_{self.group}"


COLUMNS = (
    Column("features", "variance", "Variance"),
    Column("features", "inter", "Inter uniformity"),
    Column("gradients", "total", "Gradient, many", group="many", scale="log"),
    Column("gradients", "total", "Gradient, few", group="few", scale="log"),
    Column("leaks", "leak", "Leak", ratio=False),
)


@dataclass(frozen=True)
class Measured:
    """A method's label, and its values by seed."""

    label: str
    values: Mapping[int, float]


@dataclass(frozen=True)
class Measures:
    """One measure of one table: method -> what was measured; the first is the reference."""

    path: Path
    methods: Mapping[str, Measured]

    @property
    def reference(self) -> str:
        """The first method."""
        return next(iter(self.methods))


def read_accuracies(path: Path, dataset: str, factor: Factor, images: str) -> Measures:
    """Read an accuracy table's values of one dataset and factor.

    Raises:
        UserError: if it is no such table, is of other images, a method is there twice, or it has
            no such rows.
    """
    methods = _read(path, {"dataset": dataset, "factor": factor, "images": images})
    if not methods:
        where = f"{dataset} {title(factor)} on {images} images"
        raise UserError(f"{path}: has nothing of {where}. Name another table.")
    return Measures(path, methods)


def read_columns(
    tables: Mapping[str, Path], dataset: str, factor: Factor
) -> dict[Column, Measures]:
    """Read the columns that some tables have of one dataset and factor.

    Args:
        tables: by their kinds.
        dataset: of the rows.
        factor: likewise.

    Raises:
        UserError: if one is no such table, a method is there twice, or it has none of its columns.
    """
    found: dict[Column, Measures] = {}
    for kind, path in tables.items():
        known = [column for column in COLUMNS if column.kind == kind]
        for column in known:
            group = {} if column.group is None else {"group": column.group}
            where = {"dataset": dataset, "factor": factor, "metric": column.metric, **group}
            if methods := _read(path, where):
                found[column] = Measures(path, methods)
        if not found.keys() & set(known):
            raise UserError(
                f"{path}: has nothing of {dataset} {title(factor)} that is shown. Name another "
                "table."
            )
    return found


def printed_ratios(
    printed: pd.DataFrame, dataset: str, factor: Factor, method: str, reference: str
) -> dict[str, float]:
    """Return metric -> the paper's number of a method over that of its reference.

    Args:
        printed: from `read_printed`, by metric too.
        dataset: of the numbers.
        factor: likewise; where the paper has none of it, nothing is returned.
        method: whose number.
        reference: over whose.

    Raises:
        UserError: if the paper has no number of one of the methods on the dataset.
    """
    own = printed[printed["dataset"] == dataset]
    for name in (method, reference):
        if name not in set(own["method"]):
            raise UserError(f"there is no number of '{name}' on '{dataset}'. Name another method.")
    means = own[own["factor"] == factor].pivot(index="metric", columns="method", values="mean")
    if not {method, reference} <= set(means):
        return {}
    return dict((means[method] / means[reference]).dropna())


def compare(
    groups: Mapping[str, Measures],
    columns: Mapping[Column, Measures],
    printed: Mapping[str, float],
    confidence: float,
) -> pd.DataFrame:
    """Return one row a group, method and measure.

    Args:
        groups: name -> accuracies in percent.
        columns: the other measures.
        printed: metric -> the paper's ratio.
        confidence: of the intervals, such as 0.95.

    Returns:
        Columns group, method, label, reference, measure (accuracy or a metric), of (value, or
        difference or ratio to the reference), those of `over_seeds`, where it is compared of the
        seeds that both have, and printed. In a group the reference comes first, then the others by
        accuracy, falling.

    Raises:
        UserError: if a method shares no seed with its reference.
    """
    rows = []
    for group, accuracies in groups.items():
        found = {
            method: over_seeds(_differences(accuracies, method), confidence)
            for method in accuracies.methods
        }
        first, *others = found
        for method in [first, *sorted(others, key=lambda name: -found[name]["mean"])]:
            row = {"group": group, "method": method, "label": accuracies.methods[method].label}
            of = {"reference": first, "measure": "accuracy", "of": "difference"}
            rows.append(row | of | found[method])
            own = over_seeds(accuracies.methods[method].values, confidence)
            rows.append(row | of | {"of": "value"} | own)
            for column, measures in columns.items():
                values = _column(column, measures, method)
                if values:
                    of = {"reference": measures.reference, "measure": column.measure}
                    of["of"] = "ratio" if column.ratio else "value"
                    ratio = {"printed": printed.get(column.measure)} if column.ratio else {}
                    rows.append(row | of | over_seeds(values, confidence) | ratio)
    table = pd.DataFrame(rows)
    return table.assign(printed=table.get("printed"))


def draw(table: pd.DataFrame, columns: Sequence[Column], heading: str, accuracy: str) -> Figure:
    """Return the rows, group by group, with a panel for the accuracy and one for each column.

    Args:
        table: from `compare`.
        columns: those that there may be.
        heading: says what data they are of.
        accuracy: says which accuracy it is.
    """
    places, names = _places(table)
    columns = [column for column in columns if (table["measure"] == column.measure).any()]
    widths = [2.0, *[1.0] * len(columns)]
    figure = Figure(figsize=(WIDTH + 1.1 * max(len(columns) - 3, 0), ROW * len(names) + 1.0))
    grid = figure.subplots(1, len(widths), sharey=True, squeeze=False, width_ratios=widths)[0]
    accuracies = table[table["measure"] == "accuracy"]
    _draw_panel(grid[0], accuracies[accuracies["of"] == "difference"], places, coloured=True)
    _write_references(grid[0], accuracies[accuracies["of"] == "value"], places)
    grid[0].axvline(0, color=GREY, zorder=0)
    grid[0].set_title(f"{accuracy}\npoints above the first row", fontweight="normal")
    for axes, column in zip(grid[1:], columns, strict=True):
        own = table[table["measure"] == column.measure]
        _draw_panel(axes, own, places, coloured=False)
        axes.axvline(1 if column.ratio else 0, color=GREY, zorder=0)
        for printed in own["printed"].dropna().unique():
            axes.axvline(printed, color=PALETTE[4], zorder=0, linestyle="--")
        over = shortened(f"over that of {own['reference'].iloc[0]}", 22)
        unit = over if column.ratio else "points"
        axes.set_title(f"{column.title}\n{unit}", fontweight="normal")
        _mark_numbers(axes, column.scale)
    grid[0].set_ylim(len(names) - 0.5, -0.5)
    grid[0].set_yticks(range(len(names)), [name for name, _ in names])
    for text, (_, bold) in zip(grid[0].get_yticklabels(), names, strict=True):
        text.set_fontweight("bold" if bold else "normal")
    for axes in grid:
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        for place in (place for place, (_, bold) in enumerate(names) if bold and place):
            axes.axhline(place - 0.5, color=GREY, linewidth=0.5)
    line = "; dashed: the paper's ratio" if table["printed"].notna().any() else ""
    figure.suptitle(f"{heading}; bars: intervals of the means, dots: seeds{line}")
    return figure


def _read(path: Path, where: Mapping[str, str | int]) -> dict[str, Measured]:
    """Return method -> what a table has of it in the rows that are chosen."""
    read = {**dict.fromkeys(where, word), **NEEDED}
    methods: dict[str, Measured] = {}
    for line, cells in read_table(path, read, f"{FIX}.", others=lambda _: str).rows:
        if any(cells[name] != value for name, value in where.items()):
            continue
        place = f"{path}: line {line}"
        if len(cells["seeds"]) != len(cells["values"]) or not cells["seeds"]:
            raise UserError(f"{place}: there are not as many values as seeds. {FIX}.")
        if cells["method"] in methods:
            raise UserError(f"{place}: {cells['method']} is there twice. {FIX}.")
        values = dict(zip(cells["seeds"], cells["values"], strict=True))
        methods[cells["method"]] = Measured(cells["label"], values)
    return methods


def _differences(accuracies: Measures, method: str) -> dict[int, float]:
    own, reference = accuracies.methods[method], accuracies.methods[accuracies.reference]
    return {
        seed: own.values[seed] - reference.values[seed]
        for seed in _shared(accuracies, method, own, reference)
    }


def _column(column: Column, measures: Measures, method: str) -> dict[int, float]:
    """Return what a column has of a method by seed: nothing where it is not measured."""
    if method not in measures.methods:
        return {}
    own, reference = measures.methods[method], measures.methods[measures.reference]
    if not column.ratio:
        return dict(own.values)
    return {
        seed: own.values[seed] / reference.values[seed]
        for seed in _shared(measures, method, own, reference)
        if reference.values[seed] != 0
    }


def _shared(measures: Measures, method: str, own: Measured, reference: Measured) -> list[int]:
    shared = [seed for seed in own.values if seed in reference.values]
    if not shared:
        raise UserError(
            f"{measures.path}: {method} has no seed of {measures.reference}, with which it is "
            "compared. Give both the same seeds."
        )
    return shared


def _places(table: pd.DataFrame) -> tuple[dict[tuple[str, str], int], list[tuple[str, bool]]]:
    """Return group and method -> row, and the rows' names and whether they are of a group."""
    places: dict[tuple[str, str], int] = {}
    names: list[tuple[str, bool]] = []
    for group, own in table.groupby("group", sort=False):
        names.append((shortened(str(group), LETTERS), True))
        for method, label in dict(zip(own["method"], own["label"], strict=True)).items():
            places[str(group), method] = len(names)
            names.append((shortened(label, LETTERS), False))
    return places, names


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, places: Mapping[tuple[str, str], int], *, coloured: bool
) -> None:
    for row in rows.itertuples():
        _draw_row(axes, row, places, coloured=coloured)


def _draw_row(
    axes: Axes, row: Any, places: Mapping[tuple[str, str], int], *, coloured: bool
) -> None:
    """Draw a mean with its interval, and the seeds; a reference is hollow."""
    place = places[row.group, row.method]
    is_reference = row.method == row.reference and row.of != "value"
    ink = _ink(row) if coloured else UNDECIDED
    seeds = [float(value) for value in row.values.split()]
    axes.scatter(seeds, [place] * len(seeds), s=6, color=ink, alpha=0.4, linewidth=0)
    axes.errorbar(
        *(row.mean, place),
        xerr=row.interval if pd.notna(row.interval) and not is_reference else None,
        fmt="o",
        color=ink,
        markersize=3.5,
        markerfacecolor="white" if is_reference else ink,
        linewidth=1,
    )


def _mark_numbers(axes: Axes, scale: Literal["linear", "log"]) -> None:
    """Give an axis a scale and a few numbers."""
    axes.set_xscale(scale)
    lowest, highest = axes.get_xlim()
    if scale == "log":
        decades = math.log10(highest / lowest)
        subs = (1, 2, 5) if decades < 1 else (1, 3) if decades < 2 else (1,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=4))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _write_references(
    axes: Axes, rows: pd.DataFrame, places: Mapping[tuple[str, str], int]
) -> None:
    """Write the accuracy of each group's reference beside its zero."""
    for row in rows[rows["method"] == rows["reference"]].to_dict("records"):
        axes.annotate(
            f"{row['mean']:.1f} %",
            (0, places[row["group"], row["method"]]),
            (5, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize="small",
        )


def _ink(row: Any) -> str:
    """Return the colour of a difference: better or worse where the interval leaves no doubt."""
    if pd.isna(row.interval) or abs(row.mean) <= row.interval:
        return UNDECIDED
    return BETTER if row.mean > 0 else WORSE
