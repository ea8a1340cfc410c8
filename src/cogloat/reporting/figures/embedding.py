"""The test images of the rarest classes as encoders place them, a panel each (Figure 2).

t-SNE bends distances, so each panel says how separable the classes are in the feature space itself.

Shapes: N images, D dimensions, C classes.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from cogloat.evaluation.separability import NEIGHBOURS, knn_accuracy, silhouette
from cogloat.reporting.figures.style import WIDTH, colour, marker, shortened

PERPLEXITY = 30  # scikit-learn's; a third of the other points where there are fewer than 90
PANELS_IN_A_ROW = 3
HEIGHT = 0.8  # of a panel, in its widths
LEGEND_ENTRY, LETTERS = 1.3, 14  # inches, and letters of a class's name in them


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Attributes:
        title: stands over it.
        method: of the run.
        points_N2: the images in the plane.
        silhouette: in the feature space.
        knn_accuracy: in the feature space, percent.
    """

    title: str
    method: str
    points_N2: NDArray[np.floating]
    silhouette: float
    knn_accuracy: float


def panel_of(
    title: str,
    method: str,
    features_ND: NDArray[np.floating],
    labels_N: NDArray[np.integer],
    seed: int,
) -> Panel:
    """Return the panel of one encoder.

    Args:
        title: stands over it.
        method: of the run.
        features_ND: of the images.
        labels_N: their classes.
        seed: of t-SNE.
    """
    others = len(labels_N) - 1
    tsne = TSNE(perplexity=min(PERPLEXITY, others / 3), init="pca", random_state=seed)
    with threadpool_limits(limits=1):  # else the order of its sums is left to the threads
        points_N2 = tsne.fit_transform(features_ND)
    return Panel(
        title,
        method,
        points_N2,
        silhouette(features_ND, labels_N),
        knn_accuracy(features_ND, labels_N, NEIGHBOURS),
    )


def draw(
    panels: Sequence[Panel],
    labels_N: NDArray[np.integer],
    counts: Mapping[int, int],
    names: Sequence[str],
) -> Figure:
    """Return the panels.

    Args:
        panels: of the same images.
        labels_N: the images' classes.
        counts: label -> training images, in the order of the legend.
        names: of all classes, by label.
    """
    legend = {
        label: f"{shortened(names[label], LETTERS)} (n = {count})"
        for label, count in counts.items()
    }
    rows = math.ceil(len(panels) / PANELS_IN_A_ROW)
    columns = math.ceil(len(panels) / rows)
    side = WIDTH / max(columns, 2)
    figure = Figure(figsize=(side * columns, (HEIGHT * side + 0.4) * rows + 0.4))
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        handles = _draw_panel(axes, panel, labels_N, legend)
    for axes in grid[len(panels) :]:
        axes.remove()
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=int(side * columns / LEGEND_ENTRY),
        title="Test images of the rarest classes (n: training images)",
        handletextpad=0.2,
        columnspacing=1,
    )
    return figure


def numbers(panels: Sequence[Panel], classes: Sequence[int], images: int) -> str:
    """Return CSV, one row a panel: how separable the classes are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "method", "silhouette", "knn_accuracy", "classes", "images"])
    for panel in panels:
        values = panel.silhouette, panel.knn_accuracy
        writer.writerow([panel.title, panel.method, *values, " ".join(map(str, classes)), images])
    return text.getvalue()


def _draw_panel(
    axes: Axes, panel: Panel, labels_N: NDArray[np.integer], legend: dict[int, str]
) -> list[Any]:
    """Draw one panel; return what its legend shows."""
    handles = []
    for position, (label, words) in enumerate(legend.items()):
        x_M, y_M = panel.points_N2[labels_N == label].T
        ink, shape = colour(position), marker(position)
        handles.append(
            axes.scatter(
                x_M,
                y_M,
                s=14,
                color=ink,
                marker=shape,
                edgecolor="white",
                linewidth=0.3,
                label=words,
            )
        )
    axes.set_title(panel.title)
    axes.set_xlabel(
        f"silhouette {panel.silhouette:.2f}, {NEIGHBOURS}-NN accuracy {panel.knn_accuracy:.1f} %"
    )
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.set_box_aspect(HEIGHT)
    axes.margins(0.06)
    axes.spines[:].set(visible=True, color="#999999")
    return handles
