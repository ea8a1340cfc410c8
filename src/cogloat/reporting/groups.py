"""The table of accuracies by how often a class is seen, as Table 3 has them. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from cogloat.imbalance import title
from cogloat.reporting.layout import (
    Sheet,
    beside_printed,
    joined,
    spread,
    with_printed,
)
from cogloat.reporting.seeds import by_cell, over_seeds
from cogloat.results.metrics import GROUPS, Metrics
from cogloat.results.printed import CELL

# the mean of the groups weights them alike, all images by their classes
COLUMNS = {**{group: group for group in GROUPS}, "all": "accuracy", "group_mean": "group_mean"}
BEST = "all_best_on_{judge}"  # all images, at the epoch that is the best on some
KEYS = ["group", *CELL]


def groups_table(
    runs: Sequence[Metrics],
    labels: Mapping[str, str],
    printed: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """Return one row a group, method, dataset and factor; a group without a class has none.

    Args:
        runs: of each method, dataset, factor and seed.
        labels: method -> the name the table prints.
        printed: from `read_printed`, by `KEYS`.
        confidence: of the means' interval, such as 0.95.

    Returns:
        Columns group (many, medium, few; all images; group_mean, of the three; all images at the
        epoch that is the best on the validation or the test images, as its name says), method,
        dataset, factor, label, classes (their number), those of `over_seeds` in percent, the
        paper's numbers and the difference of the means.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    cells = by_cell(runs)
    rows = []
    judges = dict.fromkeys(run.judged_by for run in runs)
    columns = COLUMNS | {BEST.format(judge=judge): "best_accuracy" for judge in judges}
    for group, column in columns.items():
        for cell, seeds in cells.items():
            first = next(iter(seeds.values()))
            if column == "best_accuracy" and group != BEST.format(judge=first.judged_by):
                continue
            values = {seed: getattr(run, column) for seed, run in seeds.items()}
            if None in values.values():
                continue
            row = {**dict(zip(KEYS, (group, *cell), strict=True)), "label": labels[cell[0]]}
            row["classes"] = first.group_sizes.get(group, sum(first.group_sizes.values()))
            rows.append(row | over_seeds(values, confidence))
    return with_printed(pd.DataFrame(rows), printed, KEYS)


def sheets(table: pd.DataFrame, datasets: Mapping[str, str], printed: pd.DataFrame) -> list[Sheet]:
    """Return a sheet for each dataset and factor, with a row a method and a column a group.

    Args:
        table: from `groups_table`.
        datasets: dataset -> the name the table prints.
        printed: as for `groups_table`; what is printed of other methods stands below.
    """
    legend = (
        "Top-1 accuracy in percent on the test images of the classes with many, medium and few "
        "training images, on all test images, and the unweighted mean of the groups; last epoch, "
        "but for the column that names another; "
        f"{spread(table)}."
    )
    if table["paper_mean"].notna().any():
        legend += " (paper: what is printed, and our difference to it.)"
    made = []
    for (dataset, factor), own in table.groupby(["dataset", "factor"], sort=False):
        rows = []
        groups = list(dict.fromkeys(own["group"]))
        for _, lines in own.groupby("method", sort=False):
            cells = {row.group: beside_printed(row, 1) for row in lines.itertuples()}
            rows.append([joined("label")(lines), *(cells.get(group, "") for group in groups)])
        others = printed[(printed["dataset"] == dataset) & (printed["factor"] == factor)]
        for method, lines in others.groupby("method", sort=False):
            if method not in set(own["method"]):
                found = dict(zip(lines["group"], lines["mean"], strict=True))
                cells = {group: f"paper {mean:.1f}" for group, mean in found.items()}
                rows.append([f"{method}, printed", *(cells.get(group, "") for group in groups)])
        heads = [f"{datasets[str(dataset)]} {title(factor)}", *map(_head, groups)]
        made.append(Sheet(heads, rows))
    return [*made[:-1], replace(made[-1], legend=legend)]


def _head(group: str) -> str:
    """Return what a column is called, such as All, best on validation."""
    words = group.replace("all_best", "all, best").replace("_", " ")
    return words.capitalize()
