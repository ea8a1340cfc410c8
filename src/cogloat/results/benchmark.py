"""benchmarks/.../<stage>.tsv: what Snakemake measured of a job. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cogloat.errors import UserError

NOTHING = float("nan")


class Benchmark(NamedTuple):
    """Of a whole job.

    Attributes:
        seconds: from its start to its end, the last time that it ran.
        memory_mb: the most main memory of its processes together; nan if it was too short to see.
    """

    seconds: float
    memory_mb: float


def read_benchmark(path: Path) -> Benchmark:
    """Read what was measured; nan where there is no such file.

    Raises:
        UserError: if the file is damaged.
    """
    if not path.is_file():
        return Benchmark(NOTHING, NOTHING)
    try:
        table = pd.read_csv(path, sep="\t", na_values=["NA", "-"], encoding="utf-8")
        line = table.astype({"s": float, "max_rss": float}).iloc[-1]
    except (ValueError, KeyError, IndexError):
        raise UserError(f"{path}: is no benchmark of Snakemake's. Delete it.") from None
    return Benchmark(line["s"], line["max_rss"])
