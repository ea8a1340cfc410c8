"""How methods learn: test accuracy against epoch, and the loss of the pre-training.

Imports no torch. Shapes: S seeds, E measured epochs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cogloat.config.reading import load
from cogloat.config.types import StageName
from cogloat.errors import UserError
from cogloat.imbalance import title
from cogloat.methods.settings import Judged
from cogloat.reporting.figures.style import PALETTE, WIDTH
from cogloat.results.history import read_history
from cogloat.results.provenance import check_beside
from cogloat.runs.effective import RunConfig

LOWEST, LEGEND_ENTRY = 2.5, 0.25  # inches: the height of axes grows with the legend's
DASHES: dict[StageName, tuple[str, ...]] = {  # one for each time a colour comes again
    "pretrain": ("-", "-."),
    "finetune": ("-", "-."),
    "train": ("--", ":"),
}


@dataclass(frozen=True)
class History:
    """The measured epochs of one stage of one run."""

    path: Path
    config: RunConfig
    values: dict[int, float]


@dataclass(frozen=True)
class Curve:
    """One stage of one method: its seeds' values [S, E] at the epochs [E]."""

    method: str
    stage: StageName
    epochs_E: NDArray[np.integer]
    values_SE: NDArray[np.floating]

    @property
    def last(self) -> float:
        """The mean at the last epoch."""
        return float(self.values_SE[:, -1].mean())


def read_histories(paths: Sequence[Path]) -> list[History]:
    """Read the history.csv of stages, each beside its config.json.

    Raises:
        UserError: if a file is missing or damaged, a stage is there twice, or one is of another
            dataset or factor than the first.
    """
    histories = [_read(path) for path in paths]
    _check_comparable(histories)
    return histories


def curves_of(histories: Sequence[History]) -> list[Curve]:
    """Return a curve for each stage of each method, in the order they first appear.

    Raises:
        UserError: if seeds of one were measured in different epochs.
    """
    groups: dict[tuple[str, StageName], list[History]] = {}
    for history in histories:
        groups.setdefault((history.config.method, history.config.stage), []).append(history)
    curves = []
    for (method, stage), group in groups.items():
        epochs = list(group[0].values)
        for other in group[1:]:
            if list(other.values) != epochs:
                raise UserError(
                    f"{other.path}: epoch: not those of {group[0].path}, another seed of it. "
                    "Run the stage again."
                )
        values = [list(history.values.values()) for history in group]
        curves.append(Curve(method, stage, np.array(epochs), np.array(values)))
    return curves


def looks(curves: Sequence[Curve]) -> dict[str, tuple[str, str]]:
    """Return each method's colour and line style: dashed where it trains end to end.

    A colour comes again when all are taken, and then first for a method of the other kind.
    """
    stages = {curve.method: curve.stage for curve in curves}
    by_all: Counter[str] = Counter()
    by_kind: dict[tuple[str, ...], Counter[str]] = {own: Counter() for own in DASHES.values()}
    found = {}
    for method, stage in stages.items():
        dashes = DASHES[stage]
        kin = by_kind[dashes]
        uses = {ink: (kin[ink], by_all[ink]) for ink in PALETTE}
        ink = min(PALETTE, key=uses.__getitem__)
        found[method] = (ink, dashes[kin[ink] % len(dashes)])
        kin[ink] += 1
        by_all[ink] += 1
    return found


def draw(curves: Sequence[Curve], labels: Mapping[str, str], title: str) -> Figure:
    """Return a panel of accuracies and one of losses, of those that there are.

    Args:
        curves: of one dataset and factor.
        labels: method -> what the legend says.
        title: says what data they are of.
    """
    accuracies = [curve for curve in curves if curve.stage != "pretrain"]
    losses = [curve for curve in curves if curve.stage == "pretrain"]
    rows = [row for row in (accuracies, losses) if row]
    heights = [max(LOWEST, LEGEND_ENTRY * len(row)) for row in rows]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    grid = figure.subplots(len(rows), squeeze=False, height_ratios=heights)
    shown = looks(curves)
    for axes, row in zip(grid.flat, rows, strict=True):
        for curve in row:
            _draw_curve(axes, curve, shown[curve.method])
        axes.margins(x=0.01)
        _describe(axes, row, labels, title)
    return figure


def numbers(curves: Sequence[Curve]) -> str:
    """Return CSV, one row a method and epoch: the mean accuracy over the seeds."""
    rows = ["method,epoch,accuracy"]
    for curve in curves:
        if curve.stage != "pretrain":
            means = zip(curve.epochs_E, curve.values_SE.mean(axis=0), strict=True)
            rows += [f"{curve.method},{epoch},{float(mean)!r}" for epoch, mean in means]
    return "\n".join(rows) + "\n"


def _read(path: Path) -> History:
    config_file = path.with_name("config.json")
    config = load(RunConfig, config_file)
    check_beside(path, configuration=config_file)
    column = "test_accuracy" if isinstance(config.settings, Judged) else "loss"
    return History(path, config, read_history(path, column, config.settings.epochs))


def _check_comparable(histories: Sequence[History]) -> None:
    """Refuse a stage that is there twice, or of other data than the first."""
    first = histories[0]
    data = (first.config.dataset, first.config.factor)
    seen: dict[str, Path] = {}
    for history in histories:
        config = history.config
        if (config.dataset, config.factor) != data:
            raise UserError(
                f"{history.path}: dataset: {config.dataset} {title(config.factor)}, but "
                f"{first.path} is of {data[0]} {title(data[1])}. Give runs of one dataset and "
                "factor."
            )
        twin = seen.setdefault(config.name, history.path)
        if twin != history.path:
            raise UserError(f"{history.path}: seed: {config.name} is {twin} too. Drop one.")


def _draw_curve(axes: Axes, curve: Curve, look: tuple[str, str]) -> None:
    ink, dash = look
    axes.plot(curve.epochs_E, curve.values_SE.mean(axis=0), color=ink, linestyle=dash)
    low_E, high_E = curve.values_SE.min(axis=0), curve.values_SE.max(axis=0)
    axes.fill_between(curve.epochs_E, low_E, high_E, color=ink, alpha=0.1, linewidth=0)


def _describe(axes: Axes, row: Sequence[Curve], labels: Mapping[str, str], title: str) -> None:
    """Name the axes, and the curves from the highest to the lowest."""
    is_loss = row[0].stage == "pretrain"
    axes.set_title(f"{title}: pre-training" if is_loss else title, loc="left")
    axes.set_xlabel("Epoch" if is_loss else "Epoch of fine-tuning (solid), of training (dashed)")
    axes.set_ylabel("Training loss" if is_loss else "Test accuracy (%)")
    order = sorted(range(len(row)), key=lambda position: -row[position].last)
    digits = 2 if is_loss else 1
    axes.legend(
        [axes.lines[position] for position in order],
        [f"{row[position].last:.{digits}f}  {labels[row[position].method]}" for position in order],
        title="last epoch",
        loc="upper left",
        bbox_to_anchor=(1.01, 1.02),
        borderaxespad=0,
        alignment="left",
        handlelength=2.6,
    )
