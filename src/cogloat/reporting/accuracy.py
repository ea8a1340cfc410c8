"""The accuracy table: means over seeds beside the paper's printed numbers. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean
from typing import Any, Literal

import pandas as pd

from cogloat.errors import UserError
from cogloat.imbalance import folder, title
from cogloat.reporting.layout import (
    Sheet,
    by_data_set,
    joined,
    mean_and_spread,
    spread,
    with_printed,
)
from cogloat.reporting.seeds import Cell, by_cell, over_seeds
from cogloat.results.metrics import GROUPS, Metrics
from cogloat.results.printed import CELL

Images = Literal["test", "validation"]
EPOCH = "last"  # how the epoch is chosen whose accuracy counts
PAPER = (
    "The difference to a number of the paper is our best epoch's where the number is of a best "
    "epoch (best -0.1), else the last's. "
)


def accuracy_table(
    metrics: Sequence[Metrics],
    labels: Mapping[str, str],
    frameworks: Mapping[str, str],
    printed: pd.DataFrame,
    confidence: float,
    images: Images = "test",
) -> pd.DataFrame:
    """Return one row a method, dataset and factor, in the order they first appear.

    Args:
        metrics: of the runs.
        labels: method -> the name the table prints.
        frameworks: method -> what its network is trained in.
        printed: from `read_printed`, of accuracies.
        confidence: of the means' interval, such as 0.95.
        images: whose accuracies they are. With `validation` nothing is told of the test set.

    Returns:
        Epochs and augmentations of the stages, joined by "+" (those of the views of one stage by
        "/"; once where all are the same); percentages: the columns of `over_seeds` at the epoch
        that `epoch` names, the mean at the best epoch, which `judged_by` chooses, of the validation
        images and of the shot groups; the hash of the long-tailed subset; the paper's numbers, and
        the difference to them of the mean at the epoch that `difference_of` names: the best where
        the paper's is of a best epoch, else the last.

    Raises:
        UserError: if a run is there twice, seeds of one method were trained for different
            numbers of epochs or with different augmentations, or runs of one dataset and factor
            on different subsets, or have no validation images where the accuracies are of those.
    """
    rows = [
        _row(cell, seeds, labels, frameworks, confidence, images)
        for cell, seeds in by_cell(metrics).items()
    ]
    if images == "validation":
        return pd.DataFrame(rows)
    table = with_printed(pd.DataFrame(rows), printed, CELL)
    of_best = table["paper_epoch"] == "best"
    ours = table["best_mean"].where(of_best, table["mean"])
    table["difference"] = ours - table["paper_mean"]
    table["difference_of"] = table["paper_epoch"].where(
        of_best | table["paper_epoch"].isna(), EPOCH
    )
    return table


def means(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return method -> dataset and factor -> mean accuracy in percent, of two digits."""
    found: dict[str, dict[str, float]] = {}
    for row in table.to_dict("records"):
        of_method = found.setdefault(row["method"], {})
        of_method[f"{row['dataset']}_{folder(row['factor'])}"] = round(row["mean"], 2)
    return found


def sheets(table: pd.DataFrame, datasets: Mapping[str, str], classes: str) -> list[Sheet]:
    """Return the table as the paper prints it: a row a method, a column a dataset and factor.

    Args:
        table: from `accuracy_table`.
        datasets: dataset -> the name the table prints.
        classes: name of the file of `cogloat.reporting.classes`.
    """
    heads = {"Method": joined("label"), "Framework": joined("framework")}
    heads |= {"Epochs": joined("epochs"), "Augmentation": joined("augmentation")}
    return [by_data_set(table, datasets, ["method"], heads, _cell, _legend(table, classes))]


def _row(
    cell: Cell,
    seeds: Mapping[int, Metrics],
    labels: Mapping[str, str],
    frameworks: Mapping[str, str],
    confidence: float,
    images: Images,
) -> dict[str, Any]:
    runs = list(seeds.values())
    accuracies = {seed: _accuracy(run, images) for seed, run in seeds.items()}
    row = {
        **dict(zip(CELL, cell, strict=True)),
        "label": labels[runs[0].method],
        "framework": frameworks[runs[0].method],
        "epochs": _common(cell, runs, _epochs, "for different numbers of epochs"),
        "augmentation": _common(cell, runs, _augmentation, "with different augmentations"),
        "epoch": EPOCH,
        "images": images,
        **over_seeds(accuracies, confidence),
    }
    if images == "test":
        row |= _of_test_set(cell, runs)
    return row | {"split_sha256": runs[0].split_sha256}


def _accuracy(run: Metrics, images: Images) -> float:
    if images == "test":
        return run.accuracy
    if run.validation_accuracy is None:
        raise UserError(
            f"{run.method} on {run.dataset} {title(run.factor)}: seed {run.seed} has no validation "
            "images. Hold some out by 'validation' in the dataset's file, or give --images test."
        )
    return run.validation_accuracy


def _of_test_set(cell: Cell, runs: Sequence[Metrics]) -> dict[str, Any]:
    return {
        "best_mean": mean(run.best_accuracy for run in runs),
        "judged_by": _common(cell, runs, lambda run: run.judged_by, "with other images held out"),
        "validation_mean": _mean(run.validation_accuracy for run in runs),
        **{group: _mean(getattr(run, group) for run in runs) for group in GROUPS},
        "group_mean": mean(run.group_mean for run in runs),
    }


def _common(cell: Cell, runs: Sequence[Metrics], of: Callable[[Metrics], str], how: str) -> str:
    """Return what all runs of a cell have in common."""
    first, *others = dict.fromkeys(map(of, runs))
    if others:
        method, dataset, factor = cell
        raise UserError(
            f"{method} on {dataset} {title(factor)}: the runs were trained {how}. Make them again."
        )
    return first


def _epochs(run: Metrics) -> str:
    return "+".join(map(str, run.epochs.values()))


def _augmentation(run: Metrics) -> str:
    stages = ["/".join(dict.fromkeys(views)) for views in run.augmentations.values()]
    return "+".join(dict.fromkeys(stages))


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return mean(known) if known else math.nan


def _cell(row: Any) -> str:
    """Return for example `77.0 ± 0.5, best 77.2 (paper 77.6, best -0.4)`."""
    if row.images == "validation":
        return mean_and_spread(row, digits=1)
    text = f"{mean_and_spread(row, digits=1)}, best {row.best_mean:.1f}"
    if pd.notna(row.paper_mean):
        of = "best " if row.difference_of == "best" else ""
        text += f" (paper {row.paper_mean:.1f}, {of}{row.difference:+.1f})"
    return text


def _legend(table: pd.DataFrame, classes: str) -> str:
    subsets = table.drop_duplicates(["dataset", "factor"])
    hashes = ", ".join(
        f"{dataset} {title(factor)}: {sha256[:12]}"
        for dataset, factor, sha256 in subsets[["dataset", "factor", "split_sha256"]].to_numpy()
    )
    of = f"{classes}. Subsets (SHA-256): {hashes}."
    if (table["images"] == "validation").all():
        return (
            "Top-1 accuracy in percent on the training part's images that are held out, "
            f"{joined('epoch')(table)} epoch; {spread(table)}. By class, on the test set: {of}"
        )
    return (
        f"Top-1 accuracy in percent on the full test set, {joined('epoch')(table)} epoch; "
        f"{spread(table)}. Best: the mean at each run's best epoch on the "
        f"{joined('judged_by')(table)} set. {PAPER * bool(table['paper_mean'].notna().any())}"
        f"By class: {of}"
    )
