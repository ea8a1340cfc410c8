r"""Draw each method's accuracy per class against the class's training images, one panel a method.

Points are means over seeds. The line through them is the mean of the classes that have half to
twice as many images. The reference method stands behind the others in grey. Cost: a second.

Example:
    python src/plot_frequency.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --reference ce --pdf frequency.pdf --png frequency.png
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cogloat.config.load import load_method, load_named_dataset
from cogloat.errors import UserError, main_guard, nearest
from cogloat.reporting.figures import GREY, PALETTE, WIDTH, count_axis, save, style
from cogloat.reporting.results import read_result

PANELS_IN_A_ROW = 4
NEIGHBOURHOOD = 2  # a class's line takes in those with this many times fewer to more images
Percent = Annotated[float, Field(ge=0, le=100)]


class Run(BaseModel):
    """What the figure takes from a run's metrics.json."""

    model_config = ConfigDict(frozen=True, strict=True)

    method: str
    dataset: str
    factor: int
    seed: int
    accuracy: Percent
    per_class: tuple[Percent, ...]
    class_counts: tuple[Annotated[int, Field(ge=1)], ...]


@dataclass(frozen=True)
class Panel:
    """A method's means over its seeds: over all test images, and by class [C]."""

    label: str
    accuracy: float
    classes_C: NDArray[np.floating]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--reference", required=True, help="method behind the others, such as ce")
    parser.add_argument("--pdf", type=Path, required=True, help="gets the figure")
    parser.add_argument("--png", type=Path, required=True, help="gets the figure")
    return parser.parse_args()


def main() -> None:
    """Plot."""
    args = parse_args()
    runs = {path: read_result(Run, path, "Evaluate the run again") for path in args.metrics}
    _check_comparable(runs)
    methods = list(dict.fromkeys(run.method for run in runs.values()))
    if args.reference not in methods:
        raise UserError(
            f"--reference {args.reference}: none of the runs is of it. "
            f"{nearest(args.reference, methods)}"
        )
    panels = {
        method: _panel(
            load_method(args.config, method).label,
            [run for run in runs.values() if run.method == method],
        )
        for method in methods
    }
    first = next(iter(runs.values()))
    title = f"{load_named_dataset(args.config, first.dataset).label}, IF {first.factor}"
    with style():
        figure = _draw(list(panels.values()), panels[args.reference], first.class_counts, title)
        save(figure, args.pdf, args.png)


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


def _check_comparable(runs: dict[Path, Run]) -> None:
    """Refuse a run that is there twice, or of other data than the first."""
    first_path, first = next(iter(runs.items()))
    seen: dict[tuple[str, int], Path] = {}
    for path, run in runs.items():
        if (run.dataset, run.factor) != (first.dataset, first.factor):
            raise UserError(
                f"{path}: dataset: {run.dataset} IF {run.factor}, but {first_path} is of "
                f"{first.dataset} IF {first.factor}. Give runs of one dataset and factor."
            )
        if len(run.per_class) != len(run.class_counts) or run.class_counts != first.class_counts:
            raise UserError(
                f"{path}: class_counts: not those of {first_path}, or not one for each of "
                "per_class. Evaluate the runs again."
            )
        twin = seen.setdefault((run.method, run.seed), path)
        if twin != path:
            raise UserError(f"{path}: seed: {run.method} seed {run.seed} is {twin} too. Drop one.")


def _panel(label: str, runs: Sequence[Run]) -> Panel:
    accuracy = float(np.mean([run.accuracy for run in runs]))
    return Panel(label, accuracy, np.mean([run.per_class for run in runs], axis=0))


def _draw(panels: Sequence[Panel], reference: Panel, counts: Sequence[int], title: str) -> Figure:
    columns = min(len(panels), PANELS_IN_A_ROW)
    rows = math.ceil(len(panels) / columns)
    side = WIDTH / PANELS_IN_A_ROW
    figure = Figure(figsize=(side * max(columns, 2), side * rows + 0.55))
    grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    counts_C = np.array(counts)
    for axes, panel in zip(grid, panels, strict=False):
        if panel is not reference:
            _draw_classes(axes, counts_C, reference, GREY)
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
    figure.suptitle(f"{title}; grey: {reference.label}; number: accuracy over all test images")
    return figure


def _draw_classes(axes: Axes, counts_C: NDArray[np.integer], panel: Panel, ink: str) -> None:
    axes.scatter(counts_C, panel.classes_C, s=9, color=ink, alpha=0.55, linewidth=0, clip_on=False)
    axes.plot(*running_mean(counts_C, panel.classes_C), color=ink)


if __name__ == "__main__":
    main_guard(main)
