"""What each method takes the images of every class for, a panel a method.

Imports no torch. Shapes: C classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from cogloat.reporting.figures.style import WIDTH, shortened
from cogloat.results.confusion import NAME, read_confusion
from cogloat.results.metrics import GROUPS, Metrics

NAMED = 20  # classes whose names fit on the axes; of more, the groups stand there
LETTERS = 14  # of a name
BAR, NAMES, HEAD = 0.75, 0.8, 0.35  # inches: beside the panels, before them, over each row
# darker all the way, and most so at the beginning: a mistake in twenty images is seen
SHADES = {0.0: "#FFFFFF", 0.1: "#C6DBEF", 0.4: "#5FA8D3", 0.7: "#0072B2", 1.0: "#00203A"}
INK = LinearSegmentedColormap.from_list("ink", list(SHADES.items()))


@dataclass(frozen=True)
class Panel:
    """A method's means over its seeds, in percent.

    Attributes:
        label: stands over it.
        accuracy: over all test images.
        shares_CC: of each class's test images (row), those taken for each class (column).
    """

    label: str
    accuracy: float
    shares_CC: NDArray[np.floating]


def read_counts(paths: Sequence[Path], runs: Sequence[Metrics]) -> list[NDArray[np.int64]]:
    """Read the confusion.csv beside each metrics.json.

    Raises:
        OSError: if a file is missing.
        UserError: if one is damaged, or not of the run beside it.
    """
    return [
        read_confusion(path.with_name(NAME), run) for path, run in zip(paths, runs, strict=True)
    ]


def panels_of(
    runs: Sequence[Metrics], counts: Sequence[NDArray[np.int64]], labels: Mapping[str, str]
) -> list[Panel]:
    """Return a panel a method, in the order they first appear.

    Args:
        runs: of one dataset and factor.
        counts: theirs [C, C], in that order.
        labels: method -> the name the figure prints.
    """
    shares = [100 * own / own.sum(axis=1, keepdims=True) for own in counts]
    panels = []
    for method, label in labels.items():
        of_method = [position for position, run in enumerate(runs) if run.method == method]
        accuracy = float(np.mean([runs[position].accuracy for position in of_method]))
        panels.append(Panel(label, accuracy, np.mean([shares[n] for n in of_method], axis=0)))
    return panels


def draw(panels: Sequence[Panel], data: Metrics, title: str) -> Figure:
    """Return the panels; their classes are in the order of their training images.

    Args:
        panels: of the same classes.
        data: of any of the runs: the classes, how often each was seen, and their groups.
        title: says what data they are of.
    """
    order = sorted(range(len(data.classes)), key=lambda label: -data.class_counts[label])
    rows = math.ceil(len(panels) / (4 if len(order) <= NAMED / 2 else 3))
    columns = math.ceil(len(panels) / rows)
    side = (WIDTH - NAMES - BAR) / max(columns, 2)
    figure = Figure(
        figsize=(side * columns + NAMES + BAR, (side + HEAD) * rows + NAMES + HEAD),
        layout="compressed",
    )
    grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        image = _draw_panel(axes, panel, order)
    if len(order) <= NAMED:
        _name_classes(grid, [data.classes[label] for label in order])
    else:
        _name_groups(grid, {name: data.group_sizes[name] for name in GROUPS})
    for axes in grid[:columns]:
        axes.tick_params(labeltop=True)
    for axes in grid[len(panels) :]:
        axes.remove()
    figure.colorbar(
        image, ax=grid[: len(panels)], label="Share of the class's test images (%)", aspect=40
    )
    figure.suptitle(
        f"{title}; number: accuracy over all test images\n"
        "row: class, column: predicted class; most training images first"
    )
    return figure


def _draw_panel(axes: Axes, panel: Panel, order: Sequence[int]) -> AxesImage:
    shares_CC = panel.shares_CC[np.ix_(order, order)]
    image = axes.imshow(shares_CC, cmap=INK, vmin=0, vmax=100, interpolation="nearest")
    axes.set_title(panel.label)
    axes.text(
        *(0.97, 0.95, f"{panel.accuracy:.1f} %"),
        transform=axes.transAxes,
        horizontalalignment="right",
        verticalalignment="top",
    )
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, color="#999999")
    axes.tick_params(length=0, labelbottom=False)
    return image


def _name_classes(grid: Iterable[Axes], names: Sequence[str]) -> None:
    """Write each class's name beside its row and over its column."""
    words = [shortened(name, LETTERS) for name in names]
    for axes in grid:
        axes.set_xticks(range(len(words)), words, rotation=90, fontsize=6)
        axes.set_yticks(range(len(words)), words, fontsize=6)


def _name_groups(grid: Iterable[Axes], sizes: Mapping[str, int]) -> None:
    """Part the groups of classes by lines, and name them."""
    ends = list(accumulate(sizes.values()))
    places = {
        name: end - size / 2 - 0.5
        for (name, size), end in zip(sizes.items(), ends, strict=True)
        if size
    }
    for axes in grid:
        for end in ends[:-1]:
            axes.axhline(end - 0.5, color="#999999", linewidth=0.6)
            axes.axvline(end - 0.5, color="#999999", linewidth=0.6)
        axes.set_xticks(list(places.values()), places)
        axes.set_yticks(list(places.values()), places, rotation=90, va="center")
