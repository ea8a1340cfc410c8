"""The table of gradients: by shot group, how they differ between classes, and by class.

Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, linear_regression, pstdev
from typing import Any

import pandas as pd

from cogloat.reporting.layout import Sheet, by_data_set, joined, spread
from cogloat.reporting.seeds import by_cell, over_seeds
from cogloat.results.gradients import Gradients
from cogloat.results.metrics import GROUPS
from cogloat.results.printed import CELL

METRICS = {
    "total": "Gradient",
    "positive": "Positive part",
    "negative": "Negative part",
    "false_negative": "False negatives",
    "true_negative": "True negatives",
    "temperature": "Temperature",
}
KEYS = ["metric", "group", *CELL]


def gradient_table(
    runs: Sequence[Gradients], labels: Mapping[str, str], confidence: float
) -> pd.DataFrame:
    """Return one row a metric, group, method, dataset and factor.

    Args:
        runs: of each method, dataset, factor and seed.
        labels: method -> the name the table prints.
        confidence: of the means' interval, such as 0.95.

    Returns:
        Columns metric (a norm, or the temperature), group, method, dataset, factor, label, and
        those of `over_seeds`, of the seeds in which it is defined. Groups: many, medium and few,
        means over their classes; `spread`, the deviation of the classes from their mean, over it;
        `slope`, of the logarithm against that of the training images: 0 where classes are alike,
        1 where the norm is proportional to the images.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    rows = []
    for cell, seeds in by_cell(runs).items():
        for metric in METRICS:
            found = {seed: summary(run, metric) for seed, run in seeds.items()}
            for group in next(iter(found.values())):
                values = {seed: own[group] for seed, own in found.items()}
                defined = {seed: value for seed, value in values.items() if value is not None}
                if defined:
                    named = dict(zip(KEYS, (metric, group, *cell), strict=True))
                    named["label"] = labels[cell[0]]
                    rows.append(named | over_seeds(defined, confidence))
    table = pd.DataFrame(rows)
    order = table["metric"].map(list(METRICS).index)
    return table.iloc[order.argsort(kind="stable")]


def summary(run: Gradients, metric: str) -> dict[str, float | None]:
    """Return the mean of each group's classes, spread and slope; None where there is none."""
    values: tuple[float, ...] = getattr(run, metric)
    means = {}
    for group in GROUPS:
        own = [value for value, of in zip(values, run.groups, strict=True) if of == group]
        means[group] = fmean(own) if own else None
    mean = fmean(values)
    return {
        **means,
        "spread": pstdev(values) / mean if mean > 0 else None,
        "slope": _slope(run.class_counts, values),
    }


def class_table(runs: Sequence[Gradients], confidence: float) -> pd.DataFrame:
    """Return one row a class of each metric, method, dataset and factor.

    Args:
        runs: as for `gradient_table`.
        confidence: likewise.

    Returns:
        Columns metric, method, dataset, factor, label, class (its name), train_images, and those of
        `over_seeds`.
    """
    rows = []
    for cell, seeds in by_cell(runs).items():
        first = next(iter(seeds.values()))
        named = list(enumerate(zip(first.classes, first.class_counts, strict=True)))
        for metric in METRICS:
            for label, (name, images) in named:
                row = {"metric": metric, **dict(zip(CELL, cell, strict=True))}
                row |= {"label": label, "class": name, "train_images": images}
                values = {seed: getattr(run, metric)[label] for seed, run in seeds.items()}
                rows.append(row | over_seeds(values, confidence))
    return pd.DataFrame(rows)


def sheets(table: pd.DataFrame, datasets: Mapping[str, str], classes: str) -> list[Sheet]:
    """Return the table with a row a metric and method, a column a dataset and factor.

    Args:
        table: from `gradient_table`.
        datasets: dataset -> the name the table prints.
        classes: name of the file of `class_table`.
    """
    heads: dict[str, Callable[[pd.DataFrame], str]] = {
        "Norm": lambda own: METRICS[own["metric"].iloc[0]],
        "Method": joined("label"),
    }
    index = ["metric", "method", "label", "dataset", "factor"]
    wide = table.astype({"factor": "object"}).pivot(index=index, columns="group", values="mean")
    order = list(dict.fromkeys(table[index].itertuples(index=False, name=None)))
    wide = wide.reindex(index=pd.MultiIndex.from_tuples(order, names=index)).reset_index()
    legend = (
        "Mean norms of the gradient of an anchor's loss in its embedding (eq. 2 to 7; its parts "
        "times the temperature, as there), over the training images as they are augmented in "
        "training: many / medium / few classes; spread: deviation of the classes over their mean; "
        f"slope: of the logarithm against that of the training images; {spread(table)}. "
        f"By class: {classes}."
    )
    return [by_data_set(wide, datasets, ["metric", "method"], heads, _cell, legend)]


def _cell(row: Any) -> str:
    groups = " / ".join(_shown(row, group, ".3g") for group in GROUPS)
    return f"{groups}; spread {_shown(row, 'spread', '.2f')}; slope {_shown(row, 'slope', '+.2f')}"


def _shown(row: Any, group: str, digits: str) -> str:
    value = getattr(row, group, math.nan)
    return "-" if math.isnan(value) else f"{value:{digits}}"


def _slope(counts: Sequence[int], values: Sequence[float]) -> float | None:
    """Return the slope of log value against log count; None without one."""
    if len(set(counts)) == 1 or min(values) == 0:
        return None
    return linear_regression([*map(math.log, counts)], [*map(math.log, values)]).slope
