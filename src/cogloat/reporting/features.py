"""Table 1: the measures of feature spaces, means over seeds beside the printed numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from cogloat.config.workflow import FeatureConvention
from cogloat.reporting.layout import beside_printed, by_data_set, joined, spread
from cogloat.reporting.statistics import half_interval

MEASURES = {
    "intra": "Intra alignment",
    "variance": "Variance",
    "inter": "Inter uniformity",
    "improved_inter": "Improved inter uniformity",
}
CELL = ["metric", "method", "dataset", "factor"]
PRINTED = [*CELL, "mean", "std"]
CONVENTION = ["images", "space"]
PRECISION = 3  # digits


Measures = dict[Literal["projection", "backbone"], dict[str, float | None]]


class Run(BaseModel):
    """What features.json holds."""

    model_config = ConfigDict(frozen=True, strict=True)

    method: str
    dataset: str
    factor: int
    seed: int
    split_sha256: str
    train: Measures
    test: Measures


def every_measure(runs: Sequence[Mapping[str, Any]], confidence: float) -> pd.DataFrame:
    """Return one row a measure, in both spaces, on both sets, with pairs counted either way.

    Args:
        runs: the contents of features.json files.
        confidence: of the interval, such as 0.95.

    Returns:
        Columns metric, method, dataset, factor, images (train or test), space (projection or
        backbone), seeds, mean, std (sample, n-1) and interval (half its width).
    """
    rows = [
        {
            "metric": metric,
            **{key: run[key] for key in ("method", "dataset", "factor", "seed")},
            "images": images,
            "space": space,
            "value": value,
        }
        for run in runs
        for images in ("train", "test")
        for space, measures in run[images].items()
        for metric, value in measures.items()
    ]
    groups = pd.DataFrame(rows).groupby([*CELL, *CONVENTION], sort=False, as_index=False)
    table = groups.agg(
        seeds=("seed", lambda seeds: " ".join(map(str, sorted(seeds)))),
        count=("seed", "size"),
        mean=("value", "mean"),
        std=("value", "std"),
    )
    table["interval"] = half_interval(table["std"], table.pop("count"), confidence)
    return table


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
        printed: columns metric, method, dataset, factor, mean, std.
    """
    chosen = measures[
        (measures["images"] == convention.images) & (measures["space"] == convention.space)
    ].drop(columns=CONVENTION)
    chosen = chosen.replace({"metric": {f"intra_{convention.pairs}": "intra"}})
    chosen = chosen[chosen["metric"].isin(MEASURES)].dropna(subset="mean")
    order = chosen["metric"].map(list(MEASURES).index)
    chosen = chosen.iloc[order.argsort(kind="stable")]
    printed = printed.rename(columns={"mean": "paper_mean", "std": "paper_std"})
    table = chosen.merge(printed, on=CELL, how="left")
    table.insert(len(CELL), "label", table["method"].map(labels))
    table["difference"] = table["mean"] - table["paper_mean"]
    return table


def to_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV text."""
    return table.to_csv(index=False, float_format=f"%.{PRECISION}f", lineterminator="\n")


def to_markdown(
    table: pd.DataFrame, datasets: Mapping[str, str], convention: FeatureConvention
) -> str:
    """Return the table as the paper prints it: measures by method, a column a data set."""
    heads: dict[str, Callable[[pd.DataFrame], str]] = {
        "Measure": lambda own: MEASURES[own["metric"].iloc[0]],
        "Method": joined("label"),
    }
    images = {"train": "training", "test": "test"}[convention.images]
    legend = (
        f"Features of the {images} images, space: {convention.space}; {convention.pairs} pairs; "
        f"{spread(table)}. Other conventions: table1_conventions.csv."
    )
    return by_data_set(table, datasets, ["metric", "method"], heads, _cell, legend)


def _cell(row: Any) -> str:
    return beside_printed(row, digits=2)
