r"""Draw the test images of the rarest classes as encoders place them (Figure 2), one panel each.

t-SNE bends distances, so each panel says how separable the classes are in the feature space itself:
the mean silhouette and the accuracy of a leave-one-out vote of the nearest neighbours, both of
cosine distance. These numbers go to a CSV file too. Cost: a forward pass over the classes' test
images and a t-SNE for each encoder; seconds, half a minute for 4,000 images.

Example:
    kcl=results/runs/digits/if100/kcl/seed0/pretrain
    adaptive=results/runs/digits/if100/kcl_adaptive/seed0/pretrain
    python src/plot_embedding.py --config $kcl/config.json $adaptive/config.json \
        --weights $kcl/weights.pt $adaptive/weights.pt --titles "KCL" "KCL + adaptive temperature" \
        --store data/digits --split results/splits/digits/if100.csv --classes 4 --seed 0 \
        --pdf figure2.pdf --png figure2.png --numbers figure2.csv
"""

from __future__ import annotations

import argparse
import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from cogloat.config.parse import load
from cogloat.config.schema import MomentumContrast, RunConfig
from cogloat.data.imageset import ImageSet, load_test_set
from cogloat.data.longtail import read_split
from cogloat.errors import UserError, main_guard
from cogloat.evaluation.separability import knn_accuracy, silhouette
from cogloat.files import write_text
from cogloat.reporting.figures import WIDTH, colour, marker, save, style
from cogloat.training.checkpoint import load_weights
from cogloat.training.inference import outputs
from cogloat.training.machine import add_machine_arguments, set_up_machine
from cogloat.training.networks import build_encoder, to_device

NEIGHBOURS = 5
PERPLEXITY = 30  # scikit-learn's; a third of the other points where there are fewer than 90
PANELS_IN_A_ROW = 3
HEIGHT = 0.8  # of a panel, in its widths
LEGEND_ENTRY = 1.3  # inches


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


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", type=Path, nargs="+", required=True, help="of pretrain stages, a panel each"
    )
    parser.add_argument(
        "--weights", type=Path, nargs="+", required=True, help="their weights.pt, in that order"
    )
    parser.add_argument("--titles", nargs="+", required=True, help="of the panels, in that order")
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument("--classes", type=int, required=True, help="how many, the rarest first")
    parser.add_argument("--seed", type=int, required=True, help="of t-SNE")
    parser.add_argument("--pdf", type=Path, required=True, help="gets the figure")
    parser.add_argument("--png", type=Path, required=True, help="gets the figure")
    parser.add_argument("--numbers", type=Path, required=True, help="gets the separability, CSV")
    add_machine_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Plot."""
    args = parse_args()
    if not len(args.config) == len(args.weights) == len(args.titles):
        raise UserError(
            f"--config has {len(args.config)} files, --weights {len(args.weights)}, "
            f"--titles {len(args.titles)} titles. Give one of each for every panel."
        )
    configs = [load(RunConfig, path) for path in args.config]
    _check_comparable(args.config, configs)
    counts_C = _training_counts(args.split, configs[0].data.classes)
    if not 2 <= args.classes <= len(counts_C):
        raise UserError(
            f"--classes {args.classes}: there are {len(counts_C)}. "
            f"Give a number from 2 to {len(counts_C)}."
        )
    classes = rarest(counts_C, args.classes)
    machine = set_up_machine(args)
    images = _only(load_test_set(args.store, len(counts_C), machine.device), classes)
    labels_N = images.labels_N.cpu().numpy()
    panels = [
        _panel(title, config, _embed(config, weights, images), labels_N, args.seed)
        for title, config, weights in zip(args.titles, configs, args.weights, strict=True)
    ]
    legend = {label: _describe(label, int(counts_C[label])) for label in classes}
    with style():
        save(_draw(panels, labels_N, legend), args.pdf, args.png)
    write_text(args.numbers, _numbers(panels, classes, len(images)))


def rarest(counts_C: NDArray[np.integer], number: int) -> list[int]:
    """Return the labels of the classes with the fewest images, the rarest first.

    Of classes with as many images as each other, the higher label comes first.
    """
    return sorted(range(len(counts_C)), key=lambda label: (counts_C[label], -label))[:number]


def _check_comparable(paths: Sequence[Path], configs: Sequence[RunConfig]) -> None:
    for path, config in zip(paths, configs, strict=True):
        if not isinstance(config.settings, MomentumContrast):
            raise UserError(
                f"{path}: stage: '{config.stage}' trains no encoder with a projection. "
                "Give the configuration of a pretrain stage."
            )
        first = configs[0]
        if (config.dataset, config.factor) != (first.dataset, first.factor):
            raise UserError(
                f"{path}: dataset: {config.dataset} IF {config.factor}, but {paths[0]} is of "
                f"{first.dataset} IF {first.factor}. Give runs of one dataset and factor."
            )


def _training_counts(split: Path, classes: int) -> NDArray[np.integer]:
    _, labels_N = read_split(split)
    counts_C = np.bincount(labels_N)
    if len(counts_C) != classes:
        raise UserError(
            f"{split}: its labels are of {len(counts_C)} classes, the runs' of {classes}. "
            "Give the split they were trained with."
        )
    return counts_C


def _only(images: ImageSet, classes: Sequence[int]) -> ImageSet:
    """Return the images of some classes."""
    chosen_C = torch.as_tensor(classes, device=images.labels_N.device)
    kept_N = torch.isin(images.labels_N, chosen_C)
    labels_N = images.labels_N[kept_N]
    counts_C = torch.bincount(labels_N, minlength=len(images.counts_C))
    return ImageSet(images.images_NCHW[kept_N.to(images.images_NCHW.device)], labels_N, counts_C)


def _embed(config: RunConfig, weights: Path, images: ImageSet) -> NDArray[np.floating]:
    """Return unit embeddings [N, D] of the images."""
    settings = config.settings
    assert isinstance(settings, MomentumContrast)
    encoder = build_encoder(config.depth, settings.projection, settings.batch_norm_splits)
    load_weights(encoder, weights)
    to_device(encoder, images.labels_N.device)
    return outputs(encoder, images, config.data).cpu().numpy()


def _panel(
    title: str,
    config: RunConfig,
    features_ND: NDArray[np.floating],
    labels_N: NDArray[np.integer],
    seed: int,
) -> Panel:
    others = len(labels_N) - 1
    tsne = TSNE(perplexity=min(PERPLEXITY, others / 3), init="pca", random_state=seed)
    with threadpool_limits(limits=1):  # else the order of its sums is left to the threads
        points_N2 = tsne.fit_transform(features_ND)
    return Panel(
        title,
        config.method,
        points_N2,
        silhouette(features_ND, labels_N),
        knn_accuracy(features_ND, labels_N, NEIGHBOURS),
    )


def _describe(label: int, count: int) -> str:
    return f"class {label} (n = {count})"


def _draw(panels: Sequence[Panel], labels_N: NDArray[np.integer], legend: dict[int, str]) -> Figure:
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


def _numbers(panels: Sequence[Panel], classes: Sequence[int], images: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "method", "silhouette", "knn_accuracy", "classes", "images"])
    for panel in panels:
        values = f"{panel.silhouette:.4f}", f"{panel.knn_accuracy:.2f}"
        writer.writerow([panel.title, panel.method, *values, " ".join(map(str, classes)), images])
    return text.getvalue()


if __name__ == "__main__":
    main_guard(main)
