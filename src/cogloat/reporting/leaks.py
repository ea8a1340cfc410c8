"""The table of leaks: what batch statistics add to the retrieval of own keys. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from cogloat.reporting.layout import Sheet, by_data_set, joined, mean_and_spread, spread
from cogloat.reporting.seeds import by_cell, over_seeds
from cogloat.results.leak import Leak
from cogloat.results.printed import CELL

METRICS = {
    "leak": "Leak",
    "batch": "Own key found, batch statistics",
    "running": "Own key found, running statistics",
}


def leak_table(runs: Sequence[Leak], labels: Mapping[str, str], confidence: float) -> pd.DataFrame:
    """Return one row a metric, method, dataset and factor.

    Args:
        runs: of each method, dataset, factor and seed.
        labels: method -> the name the table prints.
        confidence: of the means' interval, such as 0.95.

    Returns:
        Columns metric (leak, batch or running, in percent), method, dataset, factor, label, and
        those of `over_seeds`.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    cells = by_cell(runs).items()
    rows = []
    for metric in METRICS:
        for cell, seeds in cells:
            named = {"metric": metric, **dict(zip(CELL, cell, strict=True))}
            values = {seed: getattr(run, metric) for seed, run in seeds.items()}
            rows.append(named | {"label": labels[cell[0]]} | over_seeds(values, confidence))
    return pd.DataFrame(rows)


def sheets(table: pd.DataFrame, datasets: Mapping[str, str]) -> list[Sheet]:
    """Return the table with a row a metric and method, a column a dataset and factor.

    Args:
        table: from `leak_table`.
        datasets: dataset -> the name the table prints.
    """
    heads: dict[str, Callable[[pd.DataFrame], str]] = {
        "Measure": lambda own: METRICS[own["metric"].iloc[0]],
        "Method": joined("label"),
    }
    legend = (
        "Percentage of augmented training images to which the own key, that of another view in "
        "the same batch, is nearer than every key of a queue of other batches; leak: what batch "
        f"statistics add to running ones, in points; {spread(table)}."
    )
    return [by_data_set(table, datasets, ["metric", "method"], heads, _cell, legend)]


def _cell(row: Any) -> str:
    return mean_and_spread(row, digits=1)
