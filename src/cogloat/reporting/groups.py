"""The table of accuracies by how often a class is seen, as Table 3 has them. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from cogloat.reporting.layout import (
    Sheet,
    beside_printed,
    by_data_set,
    joined,
    spread,
    with_printed,
)
from cogloat.reporting.seeds import by_cell, over_seeds
from cogloat.results.metrics import GROUPS, Metrics
from cogloat.results.printed import CELL

# the mean of the groups weights them alike, all images by their classes
COLUMNS = {**{group: group for group in GROUPS}, "all": "accuracy", "group_mean": "group_mean"}
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
        Columns group (many, medium, few; all images; group_mean, of the three), method, dataset,
        factor, label, classes (their number), those of `over_seeds` in percent, the paper's numbers
        and the difference of the means.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    cells = by_cell(runs)
    rows = []
    for group, column in COLUMNS.items():
        for cell, seeds in cells.items():
            sizes = next(iter(seeds.values())).group_sizes
            values = {seed: getattr(run, column) for seed, run in seeds.items()}
            if None in values.values():
                continue
            row = {**dict(zip(KEYS, (group, *cell), strict=True)), "label": labels[cell[0]]}
            row["classes"] = sizes.get(group, sum(sizes.values()))
            rows.append(row | over_seeds(values, confidence))
    return with_printed(pd.DataFrame(rows), printed, KEYS)


def sheets(table: pd.DataFrame, datasets: Mapping[str, str]) -> list[Sheet]:
    """Return the table with a row a group and method, a column a dataset and factor.

    Args:
        table: from `groups_table`.
        datasets: dataset -> the name the table prints.
    """
    heads: dict[str, Callable[[pd.DataFrame], str]] = {
        "Classes": joined("group"),
        "Method": joined("label"),
    }
    legend = (
        "Top-1 accuracy in percent on the test images of the classes with many, medium and few "
        "training images, on all test images, and the unweighted mean of the groups; last epoch; "
        f"{spread(table)}."
    )
    return [
        by_data_set(
            table, datasets, ["group", "method"], heads, lambda row: beside_printed(row, 1), legend
        )
    ]
