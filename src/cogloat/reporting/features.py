"""The table of feature spaces: means over seeds beside the printed numbers. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
from cogloat.results.features import Features, Measures, Spaces
from cogloat.results.printed import CELL
from cogloat.runs.collections import FeatureConvention

MEASURES = {
    "intra": "Intra alignment",
    "variance": "Variance",
    "inter": "Inter uniformity",
    "improved_inter": "Improved inter uniformity",
    "variance_spread": "Variance, spread over classes",
    "inter_spread": "Inter uniformity, spread over pairs",
}
KEYS = ["metric", *CELL]
CONVENTION = ["images", "space"]


def every_measure(features: Sequence[Features], confidence: float) -> pd.DataFrame:
    """Return one row a measure, in both spaces, on both sets, with pairs counted either way.

    Args:
        features: of the runs.
        confidence: of the interval, such as 0.95.

    Returns:
        Columns metric, method, dataset, factor, images (train or test), space (projection or
        backbone), and those of `over_seeds`: of the seeds in which the measure is defined, if any.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    rows = []
    for cell, seeds in by_cell(features).items():
        for images in ("train", "test"):
            for space in Spaces.model_fields:
                for metric in Measures.model_fields:
                    found = {
                        seed: getattr(getattr(getattr(run, images), space), metric)
                        for seed, run in seeds.items()
                    }
                    values = {seed: value for seed, value in found.items() if value is not None}
                    if values:
                        key = (metric, *cell, images, space)
                        named = dict(zip([*KEYS, *CONVENTION], key, strict=True))
                        rows.append(named | over_seeds(values, confidence))
    return pd.DataFrame(rows)


def feature_table(
    measures: pd.DataFrame,
    convention: FeatureConvention,
    labels: Mapping[str, str],
    printed: pd.DataFrame,
) -> pd.DataFrame:
    """Return the rows of one convention beside the printed numbers, in the paper's order.

    Args:
        measures: from `every_measure`.
        convention: the set, the space and the way to count pairs.
        labels: method -> the name the table prints.
        printed: from `read_printed`, by metric too.
    """
    chosen = measures[
        (measures["images"] == convention.images) & (measures["space"] == convention.space)
    ].drop(columns=CONVENTION)
    chosen = chosen.replace({"metric": {f"intra_{convention.pairs}": "intra"}})
    chosen = chosen[chosen["metric"].isin(MEASURES)]
    order = chosen["metric"].map(list(MEASURES).index)
    table = with_printed(chosen.iloc[order.argsort(kind="stable")], printed, KEYS)
    table.insert(len(KEYS), "label", table["method"].map(labels))
    return table


def sheets(
    table: pd.DataFrame, datasets: Mapping[str, str], convention: FeatureConvention, others: str
) -> list[Sheet]:
    """Return the table as the paper prints it: measures by method, a column a data set.

    Args:
        table: from `feature_table`.
        datasets: dataset -> the name the table prints.
        convention: of the table.
        others: name of the file of `every_measure`.
    """
    heads: dict[str, Callable[[pd.DataFrame], str]] = {
        "Measure": lambda own: MEASURES[own["metric"].iloc[0]],
        "Method": joined("label"),
    }
    images = {"train": "training", "test": "test"}[convention.images]
    legend = (
        f"Features of the {images} images, space: {convention.space}; {convention.pairs} pairs; "
        f"{spread(table)}. Other conventions: {others}."
    )
    return [by_data_set(table, datasets, ["metric", "method"], heads, _cell, legend)]


def _cell(row: Any) -> str:
    return beside_printed(row, digits=2)
