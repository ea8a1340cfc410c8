"""Whether runs are as they are known to be: an installation's check of itself. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from cogloat.imbalance import folder, title
from cogloat.reporting.layout import Sheet
from cogloat.reporting.seeds import by_cell
from cogloat.results.metrics import Metrics
from cogloat.runs.collections import Difference
from cogloat.runs.files import Expectation

UNKNOWN = "no window"
LEGEND = (
    "Top-1 accuracy in percent on all test images after the last epoch, of single runs; "
    "differences are of runs with the same seed on the same subset. Windows are what other "
    "people's runs of the same recipe gave; whose they are is in the CSV."
)
Expected = Mapping[str, Mapping[str, Expectation]]  # method -> such as cifar10_if100


def acceptance_table(
    runs: Sequence[Metrics],
    labels: Mapping[str, str],
    expected: Expected,
    differences: Sequence[Difference],
) -> pd.DataFrame:
    """Return one row a run, and then one a difference and seed.

    Args:
        runs: of each method, dataset, factor and seed.
        labels: method -> the name the table prints.
        expected: what is known of a method by itself; only of the very dataset.
        differences: what is known of two methods, on any subset.

    Returns:
        Columns dataset, factor, seed, method, less (the method whose accuracy is taken away, or
        nothing), label, value (the accuracy after the last epoch in percent, or the difference),
        expected (the accuracy that is known), low and high (of the window), verdict (holds, fails,
        or no window), source, and split_sha256.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets.
    """
    cells = by_cell(runs)
    ordered = [run for seeds in cells.values() for run in seeds.values()]
    alone = [_row(run, labels, expected.get(run.method, {})) for run in ordered]
    found = {(run.dataset, run.factor, run.seed, run.method): run for run in ordered}
    return pd.DataFrame([*alone, *_differences(found, labels, differences)])


def sheets(table: pd.DataFrame, datasets: Mapping[str, str]) -> list[Sheet]:
    """Return the table as a sheet of a row each.

    Args:
        table: from `acceptance_table`.
        datasets: dataset -> the name the table prints.
    """
    heads = ["What", "Data", "Seed", "Here", "Known", "Window", "Verdict"]
    rows = [_cells(row, datasets) for row in table.to_dict("records")]
    return [Sheet(heads, rows, f"{held(table)}. {LEGEND}")]


def held(table: pd.DataFrame) -> str:
    """Return how many of a table's windows hold, such as "4 of 5 windows hold"."""
    counts = table["verdict"].value_counts()
    decided = counts.get("holds", 0) + counts.get("fails", 0)
    return f"{counts.get('holds', 0)} of {decided} windows hold"


def _cells(row: Mapping[Any, Any], datasets: Mapping[str, str]) -> list[str]:
    return [
        row["label"],
        f"{datasets[row['dataset']]} {title(row['factor'])}",
        str(row["seed"]),
        f"{row['value']:.2f}",
        "" if pd.isna(row["expected"]) else f"{row['expected']:g}",
        "" if pd.isna(row["low"]) else f"{row['low']:g} to {row['high']:g}",
        row["verdict"],
    ]


def _row(run: Metrics, labels: Mapping[str, str], known: Mapping[str, Expectation]) -> Any:
    """Return the row of a run by itself."""
    one = known.get(f"{run.dataset}_{folder(run.factor)}")
    row = _of(run) | {"less": "", "label": labels[run.method], "value": run.accuracy}
    window = one.window if one else None
    return row | {
        "expected": one.mean if one else None,
        **_judged(run.accuracy, window),
        "source": one.source if one else "",
        "split_sha256": run.split_sha256,
    }


def _differences(
    found: Mapping[tuple[Any, ...], Metrics],
    labels: Mapping[str, str],
    differences: Sequence[Difference],
) -> Iterator[dict[str, Any]]:
    """Yield a row for each difference wherever both runs are there."""
    for known in differences:
        for (*where, method), run in found.items():
            other = found.get((*where, known.less))
            if method == known.method and other is not None:
                value = run.accuracy - other.accuracy
                label = f"{labels[known.method]} less {labels[known.less]}"
                yield _of(run) | {
                    **{"less": known.less, "label": label, "value": value, "expected": None},
                    **_judged(value, known.window),
                    **{"source": "", "split_sha256": run.split_sha256},
                }


def _of(run: Metrics) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ("dataset", "factor", "seed", "method")}


def _judged(value: float, window: tuple[float, float] | None) -> dict[str, Any]:
    if window is None:
        return {"low": None, "high": None, "verdict": UNKNOWN}
    low, high = window
    return {"low": low, "high": high, "verdict": "holds" if low <= value <= high else "fails"}
