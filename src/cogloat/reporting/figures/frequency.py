"""Each method's accuracy per class against the class's training images, a panel a method.

Imports no torch. Shapes: C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cogloat.errors import UserError
from cogloat.imbalance import title
from cogloat.reporting.figures.style import GREY, PALETTE, WIDTH, count_axis
from cogloat.results.metrics import Metrics

PANELS_IN_A_ROW = 4
NEIGHBOURHOOD = 2  # a class's line takes in those with this many times fewer to more images


@dataclass(frozen=True)
class Panel:
    """A method's means over its seeds: over all test images, and by class [C]."""

    label: str
    accuracy: float
    classes_C: NDArray[np.floating]


def read_comparable(paths: Sequence[Path]) -> list[Metrics]:
    """Read metrics.json files of one dataset and factor.

    Raises:
        UserError: if a file is damaged, a run is there twice, or of other data than the first.
    """
    runs = {path: Metrics.read(path) for path in paths}
    _check_comparable(runs)
    return list(runs.values())


def panels_of(runs: Sequence[Metrics], labels: Mapping[str, str]) -> dict[str, Panel]:
    """Return method -> panel, in the order they first appear."""
    return {
        method: _panel(labels[method], [run for run in runs if run.method == method])
        for method in dict.fromkeys(run.method for run in runs)
    }


def running_mean(
    counts_C: NDArray[np.integer], values_C: NDArray[np.floating]
) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """Return the counts there are, rising, and for each the mean of the classes near it.

    Near are the classes with 1 / NEIGHBOURHOOD to NEIGHBOURHOOD times as many images.
    """
    counts_U = np.unique(counts_C)
    near_UC = (counts_C <= NEIGHBOURHOOD * counts_U[:, None]) & (
        counts_U[:, None] <= NEIGHBOURHOOD * counts_C
    )
    return counts_U, (near_UC * values_C).sum(axis=1) / near_UC.sum(axis=1)


def draw(panels: Mapping[str, Panel], reference: str, counts: Sequence[int], title: str) -> Figure:
    """Return the panels.

    Args:
        panels: by method.
        reference: the method that stands behind the others.
        counts: training images of the classes, by label.
        title: says what data they are of.
    """
    columns = min(len(panels), PANELS_IN_A_ROW)
    rows = math.ceil(len(panels) / columns)
    side = WIDTH / PANELS_IN_A_ROW
    figure = Figure(figsize=(side * max(columns, 2), side * rows + 0.55))
    grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    counts_C = np.array(counts)
    behind = panels[reference]
    for axes, panel in zip(grid, panels.values(), strict=False):
        if panel is not behind:
            _draw_classes(axes, counts_C, behind, GREY)
        _draw_classes(axes, counts_C, panel, PALETTE[0])
        axes.set_title(panel.label)
        axes.text(
            *(0.97, 0.04, f"{panel.accuracy:.1f} %"),
            transform=axes.transAxes,
            horizontalalignment="right",
        )
    count_axis(grid[0], counts)
    grid[0].set(ylim=(-3, 103), yticks=range(0, 101, 25))
    for axes in grid[len(panels) :]:
        axes.remove()
    for axes in grid[max(len(panels) - columns, 0) : len(panels)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("Training images of the class")
    figure.supylabel("Accuracy of the class (%)")
    figure.suptitle(f"{title}; grey: {behind.label}; number: accuracy over all test images")
    return figure


def _check_comparable(runs: Mapping[Path, Metrics]) -> None:
    """Refuse a run that is there twice, or of other data than the first."""
    first_path, first = next(iter(runs.items()))
    seen: dict[tuple[str, int], Path] = {}
    for path, run in runs.items():
        if (run.dataset, run.factor) != (first.dataset, first.factor):
            raise UserError(
                f"{path}: dataset: {run.dataset} {title(run.factor)}, but {first_path} is of "
                f"{first.dataset} {title(first.factor)}. Give runs of one dataset and factor."
            )
        for key in ("classes", "class_counts"):
            if getattr(run, key) != getattr(first, key):
                raise UserError(
                    f"{path}: {key}: not those of {first_path}. Evaluate the runs again."
                )
        twin = seen.setdefault((run.method, run.seed), path)
        if twin != path:
            raise UserError(f"{path}: seed: {run.method} seed {run.seed} is {twin} too. Drop one.")


def _panel(label: str, runs: Sequence[Metrics]) -> Panel:
    accuracy = float(np.mean([run.accuracy for run in runs]))
    return Panel(label, accuracy, np.mean([run.per_class for run in runs], axis=0))


def _draw_classes(axes: Axes, counts_C: NDArray[np.integer], panel: Panel, ink: str) -> None:
    axes.scatter(counts_C, panel.classes_C, s=9, color=ink, alpha=0.55, linewidth=0, clip_on=False)
    axes.plot(*running_mean(counts_C, panel.classes_C), color=ink)
