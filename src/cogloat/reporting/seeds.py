"""What a table says of the runs of one method, dataset and factor. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import mean, stdev
from typing import Any, TypeVar

from scipy.stats import t

from cogloat.errors import UserError
from cogloat.imbalance import Factor, title
from cogloat.results.reading import OfRun

AnyRun = TypeVar("AnyRun", bound=OfRun)
Cell = tuple[str, str, Factor]  # method, dataset, factor


def by_cell(runs: Iterable[AnyRun]) -> Mapping[Cell, Mapping[int, AnyRun]]:
    """Return cell -> seed -> run, in the order they first appear.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            long-tailed subsets.
    """
    cells: dict[Cell, dict[int, AnyRun]] = {}
    subsets: dict[tuple[str, Factor], str] = {}
    for run in runs:
        where = f"{run.dataset} {title(run.factor)}"
        seeds = cells.setdefault((run.method, run.dataset, run.factor), {})
        if run.seed in seeds:
            raise UserError(
                f"{run.method} on {where}: seed {run.seed} is there twice. Give each run once."
            )
        seeds[run.seed] = run
        if subsets.setdefault((run.dataset, run.factor), run.split_sha256) != run.split_sha256:
            raise UserError(f"{where}: the runs are of different subsets. Make them again.")
    return cells


def over_seeds(values: Mapping[int, float], confidence: float) -> dict[str, Any]:
    """Return the columns that a table has of the values of several seeds.

    Args:
        values: seed -> value.
        confidence: probability that an interval holds the mean, such as 0.95.

    Returns:
        The seeds, the values in their order, mean, std (sample, n-1), and interval: half the width
        of the mean's, by Student's t. Of one seed the last two are nan.
    """
    seeds, listed = in_order(values)
    count = len(values)
    std = stdev(values.values()) if count > 1 else math.nan
    quantile = float(t.ppf((1 + confidence) / 2, count - 1))
    return {
        "seeds": seeds,
        "values": listed,
        "mean": mean(values.values()),
        "std": std,
        "interval": std * quantile / math.sqrt(count),
    }


def in_order(values: Mapping[int, float]) -> tuple[str, str]:
    """Return seeds or rounds, rising, and their values in full precision, space separated."""
    numbers = sorted(values)
    return " ".join(map(str, numbers)), " ".join(repr(float(values[n])) for n in numbers)
