"""The temperature of every class (eq. 8) against its rank and its number of images.

Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, NullLocator
from numpy.typing import NDArray

from cogloat.config.reading import load
from cogloat.data.longtail import read_split
from cogloat.errors import UserError
from cogloat.imbalance import title
from cogloat.methods.moco.settings import AdaptiveTemperature, Contrastive
from cogloat.methods.moco.temperature import class_temperatures
from cogloat.reporting.figures.style import WIDTH, colour, count_axis, marker
from cogloat.runs.effective import RunConfig

TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Temperatures:
    """The classes of one long-tailed set, the largest first.

    Attributes:
        dataset: whose classes they are.
        label: what the legend says.
        counts_C: training images.
        values_C: temperatures.
    """

    dataset: str
    label: str
    counts_C: NDArray[np.integer]
    values_C: NDArray[np.floating]


def read_temperatures(
    configs: Sequence[Path], splits: Sequence[Path]
) -> tuple[list[Temperatures], list[float]]:
    """Return the adaptive temperatures of some stages, and the constant ones, rising.

    Args:
        configs: of pretrain stages.
        splits: theirs, in that order.

    Raises:
        UserError: if a file is missing or damaged, a stage has no contrastive temperature, a line
            is there twice, or there is none.
    """
    adaptive: dict[str, Temperatures] = {}
    constants: set[float] = set()
    for path, split in zip(configs, splits, strict=True):
        config = load(RunConfig, path)
        if not isinstance(config.settings, Contrastive):
            raise UserError(
                f"{path}: stage: '{config.stage}' has no contrastive temperature. "
                "Give the configuration of a pretrain stage."
            )
        temperature = config.settings.temperature
        if isinstance(temperature, AdaptiveTemperature):
            line = _temperatures(config, split, temperature)
            if line.label in adaptive:
                raise UserError(
                    f"{path}: settings.temperature: {config.dataset} {title(config.factor)} with "
                    "this temperature is there twice. Drop one."
                )
            adaptive[line.label] = line
        else:
            constants.add(temperature.value)
    if not adaptive:
        raise UserError(
            f"{configs[0]}: settings.temperature: none of the configurations has an adaptive "
            "one. Give one that has, such as cogloat's."
        )
    return list(adaptive.values()), sorted(constants)


def draw(lines: Sequence[Temperatures], constants: Sequence[float]) -> Figure:
    """Return a panel of ranks for each dataset, and one of counts for all."""
    datasets = list(dict.fromkeys(line.dataset for line in lines))
    columns = len(datasets) + 1
    figure = Figure(figsize=(WIDTH, 3.2))
    *ranks, counts = figure.subplots(1, columns, sharey=True)
    for position, line in enumerate(lines):
        rank_C = np.arange(1, len(line.counts_C) + 1)
        _draw_line(ranks[datasets.index(line.dataset)], rank_C, line, position)
        _draw_line(counts, line.counts_C, line, position)
    for axes, dataset in zip(ranks, datasets, strict=True):
        axes.set(title=dataset, xlabel="Rank of the class, largest first")
    count_axis(counts, [count for line in lines for count in line.counts_C.tolist()])
    counts.set(title=", ".join(datasets), xlabel="Training images of the class")
    for axes in (*ranks, counts):
        for value in constants:
            axes.axhline(value, color="black", linestyle="--", linewidth=1)
    _scale(ranks[0], [*constants, *(value for line in lines for value in line.values_C.tolist())])
    handles = list(counts.lines)
    names = [line.label for line in lines] + [f"constant, τ = {value:g}" for value in constants]
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def _temperatures(config: RunConfig, split: Path, temperature: AdaptiveTemperature) -> Temperatures:
    _, labels_N = read_split(split)
    counts_C = np.sort(np.bincount(labels_N))[::-1].copy()
    if len(counts_C) != config.data.classes:
        raise UserError(
            f"{split}: its labels are of {len(counts_C)} classes, those of {config.dataset} are "
            f"{config.data.classes}. Give the split the run was trained with."
        )
    values_C = class_temperatures(torch.from_numpy(counts_C), temperature).numpy()
    label = f"{config.dataset}, {title(config.factor)}, {_keys(temperature)}"
    return Temperatures(config.dataset, label, counts_C, values_C)


def _keys(temperature: AdaptiveTemperature) -> str:
    """Return gamma, and where they are not eq. 8's, head and base."""
    keys = [f"γ = {temperature.gamma:g}"]  # noqa: RUF001
    keys += [
        f"{key} = {value:g}"
        for key in ("head", "base")
        if (value := getattr(temperature, key)) != 1
    ]
    return ", ".join(keys)


def _draw_line(axes: Axes, x_C: NDArray[np.integer], line: Temperatures, position: int) -> None:
    axes.plot(
        x_C,
        line.values_C,
        color=colour(position),
        marker=marker(position),
        markersize=3,
        markevery=max(1, len(x_C) // 10),
    )


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """Make the shared vertical axis logarithmic: what differs is the tail."""
    axes.set_yscale("log")
    axes.set_ylabel("Temperature τ of the class")
    axes.set_yticks([tick for tick in TICKS if tick >= min(values) / 1.2])
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(min(values) / 1.2, max(values) * 1.2)
