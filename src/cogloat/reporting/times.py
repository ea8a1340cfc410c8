"""The table of times: seconds of training, and ratios to one method's. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cogloat.errors import UserError
from cogloat.imbalance import title
from cogloat.reporting.layout import Sheet, by_data_set, joined
from cogloat.reporting.seeds import in_order
from cogloat.results.printed import CELL
from cogloat.results.timings import MACHINE

QUARTILES = (0.25, 0.75)
PARTS = {"epoch": "one training epoch", "refresh": "what is done once at the start of an epoch"}


def time_table(
    timings: pd.DataFrame,
    labels: Mapping[str, str],
    printed: pd.DataFrame,
    part: str = "epoch",
) -> pd.DataFrame:
    """Return one row a method, dataset and factor, in the order they first appear.

    Args:
        timings: from `read_timings`; the ratios are to the first line's method.
        labels: method -> the name the table prints.
        printed: the paper's seconds, from `read_printed`.
        part: that is timed, one of `PARTS`.

    Returns:
        Of the rounds: seconds of an epoch (as many steps as whole batches, and the start) or of its
        start alone, their ratio to the first method's in the same round, and the percentage of a
        step that is outside its floor. `mean` (named as in the paper's table), `ratio`, `floor`
        (seconds of an epoch) and `outside_floor` are medians, low and high are quartiles; `ratios`
        has the ratio of each of `rounds`.

    Raises:
        UserError: if the first method was not timed on a dataset and factor.
    """
    reference = timings["method"].iloc[0]
    rounds = _epochs(timings)
    rounds["part"], rounds["timed"] = part, rounds[part]
    rounds = _with_ratio(rounds, reference, ["round"], "timed", "ratio")
    for row in rounds[rounds["ratio"].isna()].itertuples():
        raise UserError(
            f"{row.file}: method: there is no '{reference}' on {row.dataset} {title(row.factor)}, "
            "to which the ratios are. Time it beside the others."
        )
    table = pd.DataFrame([_row(own, labels) for _, own in rounds.groupby(CELL, sort=False)])
    paper = printed.drop(columns="std").rename(columns={"mean": "paper_mean"})
    paper = _with_ratio(paper, reference, [], "paper_mean", "paper_ratio")
    return table.merge(paper, on=CELL, how="left")


def sheets(table: pd.DataFrame, datasets: Mapping[str, str]) -> list[Sheet]:
    """Return the table as the paper prints it, ratios first; under it, spread and an epoch's floor.

    Args:
        table: from `time_table`.
        datasets: dataset -> the name the table prints.
    """
    head = {"Method": joined("label")}
    first = table.iloc[0]
    rounds = " or ".join(dict.fromkeys(str(len(own.split())) for own in table["rounds"]))
    what = (
        f"Ratio to {first['label']} and seconds of {PARTS[first['part']]} on {first['device']}, "
        f"{first['precision']}, CPU threads: {first['threads']}. Medians over {rounds} rounds in "
        "which the methods alternate, the ratio's of ratios within a round."
    )
    spread = "Quartiles of the ratio and of the seconds."
    if "floor" in table:
        spread += (
            " Floor: seconds of the networks' passes alone, forward and backward, on random "
            "images; outside it: share of a step that is augmentation, loss, queue, momentum "
            "update and optimizer, negative by chance."
        )
    return [
        by_data_set(table, datasets, ["method"], head, _cell, what),
        by_data_set(table, datasets, ["method"], head, _spread_cell, spread),
    ]


def _epochs(timings: pd.DataFrame) -> pd.DataFrame:
    """Return one row a method, dataset, factor and round, in the order they first appear."""
    keys = [*CELL, "round"]
    seconds = timings.pivot(index=keys, columns="part", values="seconds").reset_index()
    rounds = timings.drop_duplicates(keys).drop(columns=["part", "seconds"])
    rounds = rounds.merge(seconds, on=keys)
    steps = rounds["steps_per_epoch"]
    rounds["epoch"] = steps * rounds["step"] + rounds["refresh"]
    rounds["floor_epoch"] = steps * rounds["floor"]
    rounds["outside"] = 100 * (1 - rounds["floor"] / rounds["step"])
    return rounds


def _row(rounds: pd.DataFrame, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a line of the table: what its rounds have in common, medians and quartiles."""
    numbers, ratios = in_order(dict(zip(rounds["round"], rounds["ratio"], strict=True)))
    low, high = rounds[["timed", "ratio"]].quantile(list(QUARTILES)).to_dict("records")
    return {
        **rounds[CELL].iloc[0],
        "label": labels[rounds["method"].iloc[0]],
        "rounds": numbers,
        "part": rounds["part"].iloc[0],
        "mean": rounds["timed"].median(),
        "low": low["timed"],
        "high": high["timed"],
        "ratio": rounds["ratio"].median(),
        "ratio_low": low["ratio"],
        "ratio_high": high["ratio"],
        "ratios": ratios,
        **(_floor(rounds) if rounds["part"].iloc[0] == "epoch" else {}),
        **rounds[[*MACHINE]].iloc[0],
    }


def _floor(rounds: pd.DataFrame) -> dict[str, float]:
    """Return the medians that are of an epoch's steps."""
    return {
        "floor": rounds["floor_epoch"].median(),
        "outside_floor": rounds["outside"].median(),
    }


def _with_ratio(
    rows: pd.DataFrame, reference: str, keys: list[str], column: str, name: str
) -> pd.DataFrame:
    """Divide a column by the reference method's, on the same dataset, factor and keys."""
    keys = ["dataset", "factor", *keys]
    base = rows[rows["method"] == reference].set_index(keys)[column].rename("base")
    joined_rows = rows.join(base, on=keys)
    joined_rows[name] = joined_rows[column] / joined_rows.pop("base")
    return joined_rows


def _cell(row: Any) -> str:
    paper = f" (paper {row.paper_ratio:.2f} x)" if pd.notna(row.paper_ratio) else ""
    return f"{row.ratio:.2f} x{paper}, {row.mean:.3g} s"


def _spread_cell(row: Any) -> str:
    text = f"{row.ratio_low:.2f} to {row.ratio_high:.2f} x, {row.low:.3g} to {row.high:.3g} s"
    if pd.notna(row.paper_mean):
        text += f" (paper {row.paper_mean:.1f} s)"
    if hasattr(row, "floor"):
        text += f"; floor {row.floor:.3g} s, {row.outside_floor:.0f} % outside it"
    return text
