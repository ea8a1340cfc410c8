"""Norms of gradients by class, the largest class first: a panel a part, a line a method.

Imports no torch. Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cogloat.errors import UserError
from cogloat.imbalance import title
from cogloat.reporting.figures.style import WIDTH, colour, marker
from cogloat.reporting.gradients import METRICS
from cogloat.reporting.seeds import by_cell
from cogloat.results.gradients import Gradients

COLUMNS = 3


def draw(runs: Sequence[Gradients], labels: Mapping[str, str], dataset: str) -> Figure:
    """Return the panels, of means over seeds.

    Args:
        runs: of one dataset and factor.
        labels: method -> what the legend says.
        dataset: its name, for the title.

    Raises:
        UserError: if the runs are of several datasets or factors, or one is there twice.
    """
    cells = by_cell(runs)
    _, of, factor = next(iter(cells))
    for _, other, another in cells:
        if (other, another) != (of, factor):
            raise UserError(
                f"the gradients are of {of} {title(factor)} and of {other} {title(another)}. "
                "Give runs of one dataset and factor."
            )
    counts_C = np.array(runs[0].class_counts)
    order_C = np.argsort(-counts_C, kind="stable")
    rank_C = np.arange(1, len(order_C) + 1)
    rows = -(-len(METRICS) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 2.2 * rows + 0.7))
    grid = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False)
    for axes, (metric, words) in zip(grid.flat, METRICS.items(), strict=True):
        for position, ((method, _, _), seeds) in enumerate(cells.items()):
            means_C = np.mean([getattr(run, metric) for run in seeds.values()], axis=0)
            axes.plot(
                rank_C,
                means_C[order_C],
                color=colour(position),
                marker=marker(position),
                markersize=3,
                markevery=max(1, len(rank_C) // 10),
                label=labels[method],
            )
        axes.set(title=words)
        axes.set_ylim(bottom=0)
    for axes in grid[-1]:
        axes.set_xlabel("Rank of the class, largest first")
    for axes in grid[:, 0]:
        axes.set_ylabel("Mean norm")
    figure.suptitle(f"{dataset}, {title(factor)}; parts are times the temperature (eq. 3 to 7)")
    handles, names = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure
