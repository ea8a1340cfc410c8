"""The accuracy table: means over seeds beside the paper's printed numbers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from cogloat.errors import UserError
from cogloat.reporting.layout import beside_printed, by_data_set, joined, spread
from cogloat.reporting.statistics import half_interval

CELL = ["method", "dataset", "factor"]
GROUPS = ["many", "medium", "few"]
PRINTED = [*CELL, "mean", "std"]
PRECISION = 2  # digits of a percentage
COLUMNS = [
    *CELL,
    "label",
    "epochs",
    "augmentation",
    "seeds",
    "mean",
    "std",
    "interval",
    "best_mean",
    *GROUPS,
    "group_mean",
    "paper_mean",
    "paper_std",
    "difference",
    "split_sha256",
]
Percent = Annotated[float, Field(ge=0, le=100)]


class Run(BaseModel):
    """What a table takes from a run's metrics.json."""

    model_config = ConfigDict(frozen=True, strict=True)

    method: str
    dataset: str
    factor: int
    seed: int
    epochs: dict[str, int]
    augmentations: dict[str, tuple[str, ...]]
    accuracy: Percent
    best_accuracy: Percent
    many: Percent | None
    medium: Percent | None
    few: Percent | None
    group_mean: Percent
    split_sha256: str


def accuracy_table(
    metrics: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    paper: pd.DataFrame,
    confidence: float,
) -> pd.DataFrame:
    """Return one row a method, dataset and factor, in the order they first appear.

    Args:
        metrics: the fields of `Run`, a run.
        labels: method -> the name the table prints.
        paper: the printed numbers; columns method, dataset, factor, mean, std.
        confidence: of the means' interval, such as 0.95.

    Returns:
        Epochs and augmentations of the stages, joined by "+" (those of the views of one stage by
        "/"); percentages of the last epoch: mean and sample standard deviation (n-1; blank with one
        seed) over the seeds, half the width of the mean's interval, the mean of the best epoch, of
        the shot groups, the paper's numbers, the difference of the means, and the hash of the
        long-tailed subset.

    Raises:
        UserError: if a run is there twice, seeds of one method were trained for different
            numbers of epochs or with different augmentations, or runs of one dataset and factor
            on different subsets.
    """
    runs = pd.DataFrame(metrics)
    runs["epochs"] = runs["epochs"].map(lambda stages: "+".join(map(str, stages.values())))
    runs["augmentation"] = runs["augmentations"].map(
        lambda stages: "+".join("/".join(views) for views in stages.values())
    )
    _check_distinct(runs)
    _check_agree(runs, ["dataset", "factor"], "split_sha256", "on different subsets")
    _check_agree(runs, CELL, "epochs", "for different numbers of epochs")
    _check_agree(runs, CELL, "augmentation", "with different augmentations")
    groups = runs.groupby(CELL, sort=False, as_index=False)
    table = groups.agg(
        epochs=("epochs", "first"),
        augmentation=("augmentation", "first"),
        seeds=("seed", lambda seeds: " ".join(map(str, sorted(seeds)))),
        mean=("accuracy", "mean"),
        std=("accuracy", "std"),
        count=("accuracy", "size"),
        best_mean=("best_accuracy", "mean"),
        many=("many", _mean),
        medium=("medium", _mean),
        few=("few", _mean),
        group_mean=("group_mean", "mean"),
        split_sha256=("split_sha256", "first"),
    )
    table["interval"] = half_interval(table["std"], table["count"], confidence)
    printed = paper.rename(columns={"mean": "paper_mean", "std": "paper_std"})
    table = table.merge(printed, on=CELL, how="left")
    table["label"] = table["method"].map(labels)
    table["difference"] = table["mean"] - table["paper_mean"]
    return table[COLUMNS]


def to_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV text, percentages with two digits."""
    return table.to_csv(index=False, float_format=f"%.{PRECISION}f", lineterminator="\n")


def means(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return method -> dataset and factor -> mean accuracy in percent."""
    found: dict[str, dict[str, float]] = {}
    for row in table.to_dict("records"):
        of_method = found.setdefault(row["method"], {})
        of_method[f"{row['dataset']}_if{row['factor']}"] = round(row["mean"], PRECISION)
    return found


def to_markdown(table: pd.DataFrame, datasets: Mapping[str, str]) -> str:
    """Return the table as the paper prints it: a row a method, a column a dataset and factor.

    Args:
        table: from `accuracy_table`.
        datasets: dataset -> the name the table prints.
    """
    heads = {"Method": joined("label"), "Epochs": joined("epochs")}
    heads["Augmentation"] = joined("augmentation")
    return by_data_set(table, datasets, ["method"], heads, _cell, _legend(table))


def _cell(row: Any) -> str:
    return beside_printed(row, digits=1)


def _legend(table: pd.DataFrame) -> str:
    subsets = table.drop_duplicates(["dataset", "factor"])
    hashes = ", ".join(
        f"{dataset} IF {factor}: {sha256[:12]}"
        for dataset, factor, sha256 in subsets[["dataset", "factor", "split_sha256"]].to_numpy()
    )
    return (
        f"Top-1 accuracy in percent on the full test set, last epoch; {spread(table)}. "
        f"Subsets (SHA-256): {hashes}."
    )


def _mean(values: Iterable[float | None]) -> float:
    return float(pd.Series(list(values), dtype="float64").mean())


def _check_distinct(runs: pd.DataFrame) -> None:
    repeated = runs[runs.duplicated([*CELL, "seed"])]
    for row in repeated.itertuples():
        raise UserError(
            f"{row.method} on {row.dataset} IF {row.factor}: seed {row.seed} is there twice. "
            "Give each metrics file once."
        )


def _check_agree(runs: pd.DataFrame, keys: list[str], column: str, how: str) -> None:
    for values, group in runs.groupby(keys, sort=False):
        if group[column].nunique() > 1:
            *method, dataset, factor = map(str, values)
            subject = f"{' '.join(method)} on {dataset}" if method else dataset
            raise UserError(f"{subject} IF {factor}: the runs were trained {how}. Make them again.")
