"""The table of how well the rarest classes come apart: means over seeds. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from cogloat.reporting.layout import Sheet, by_data_set, joined, spread
from cogloat.reporting.seeds import by_cell, over_seeds
from cogloat.results.printed import CELL
from cogloat.results.separability import Separability

METRICS = {"silhouette": "Silhouette", "knn_accuracy": "Nearest neighbours' accuracy (%)"}
KEYS = ["metric", *CELL]


def separability_table(
    runs: Sequence[Separability], labels: Mapping[str, str], confidence: float
) -> pd.DataFrame:
    """Return one row a metric, method, dataset and factor.

    Args:
        runs: of each method, dataset, factor and seed.
        labels: method -> the name the table prints.
        confidence: of the means' interval, such as 0.95.

    Returns:
        Columns metric, method, dataset, factor, label, classes (labels, the rarest first), images,
        and those of `over_seeds`.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    cells = by_cell(runs)
    rows = []
    for metric in METRICS:
        for cell, seeds in cells.items():
            first = next(iter(seeds.values()))
            row = {**dict(zip(KEYS, (metric, *cell), strict=True)), "label": labels[cell[0]]}
            row |= {"classes": " ".join(map(str, first.labels)), "images": first.images}
            values = {seed: getattr(run, metric) for seed, run in seeds.items()}
            rows.append(row | over_seeds(values, confidence))
    return pd.DataFrame(rows).astype({"factor": "object"})


def sheets(table: pd.DataFrame, datasets: Mapping[str, str]) -> list[Sheet]:
    """Return the table with a row a metric and method, a column a dataset and factor.

    Args:
        table: from `separability_table`.
        datasets: dataset -> the name the table prints.
    """
    heads: dict[str, Callable[[pd.DataFrame], str]] = {
        "Measure": lambda own: METRICS[own["metric"].iloc[0]],
        "Method": joined("label"),
    }
    numbers = " or ".join(dict.fromkeys(str(len(own.split())) for own in table["classes"]))
    legend = (
        f"Projections of the test images of the {numbers} rarest classes, by cosine distance; "
        f"{spread(table)}."
    )
    return [by_data_set(table, datasets, ["metric", "method"], heads, _cell, legend)]


def _cell(row: Any) -> str:
    digits = 1 if row.metric == "knn_accuracy" else 3
    deviation = f" ± {row.std:.{digits}f}" if pd.notna(row.std) else ""
    return f"{row.mean:.{digits}f}{deviation}"
