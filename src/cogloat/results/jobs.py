"""plan_jobs.csv: what each job of a collection was expected to take. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cogloat.files import write_text
from cogloat.readers.cells import decimal, one_of, whole, within, word
from cogloat.readers.tables import read_table

PLAN_IT = "Make the plan again with src/plan.py."
# What seconds stand on: a step of the job's kind of work was measured; steps of other work were,
# and forward passes are counted; neither, and the configuration states a rate.
BASES = ("measured", "passes", "config")


class PlannedJob(NamedTuple):
    """What one job was expected to take.

    Attributes:
        job: what it does, such as pretrain.
        of: the run, or what else it is of: digits/if100/kcl/seed0.
        start: seconds of its script before its work; 0 where none were measured.
        seconds: of its work.
        memory_mb: the most main memory.
        device_mb: the most memory of a GPU; 0 where none is known.
        disk_mb: that it leaves.
        basis: one of `BASES`.
    """

    job: str
    of: str
    start: float
    seconds: float
    memory_mb: int
    device_mb: int
    disk_mb: float
    basis: str


COLUMNS = {
    "job": word,
    "of": word,
    "start": within(decimal, 0),
    "seconds": within(decimal, 0),
    "memory_mb": within(whole, 0),
    "device_mb": within(whole, 0),
    "disk_mb": within(decimal, 0),
    "basis": one_of(*BASES),
}


def write_jobs(path: Path, jobs: Iterable[PlannedJob]) -> None:
    """Write the jobs as CSV."""
    table = pd.DataFrame(jobs, columns=[*COLUMNS])
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_jobs(path: Path) -> list[PlannedJob]:
    """Read the jobs.

    Raises:
        UserError: if the file is missing or damaged, naming the line and the column.
    """
    return [PlannedJob(**row.cells) for row in read_table(path, COLUMNS, PLAN_IT).rows]
