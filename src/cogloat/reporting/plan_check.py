"""What trainings were expected to take, beside what they took. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from cogloat.reporting.layout import Sheet
from cogloat.results.benchmark import read_benchmark
from cogloat.results.jobs import PlannedJob
from cogloat.results.provenance import Stage

HEADS = ("Stage", "Ended", "Expected", "Took", "Ratio", "Quartiles", "Whole jobs", "Memory")
COLUMNS = (
    *("stage", "of", "basis", "device", "expected_seconds", "seconds", "ratio"),
    *("job_seconds", "job_ratio", "expected_memory_mb", "memory_mb", "memory_ratio"),
)


def comparison(jobs: Iterable[PlannedJob], runs: Path, benchmarks: Path) -> pd.DataFrame:
    """Return a line for each training of a plan that has ended, in the plan's order.

    Args:
        jobs: that train.
        runs: folder of the runs, whose provenance says how long their processes worked.
        benchmarks: folder of what Snakemake measured of whole jobs.

    Returns:
        Seconds without the start of the script, as expected and as they were, and their ratio;
        job_seconds with it; main memory. The latter two are nan where Snakemake has measured
        nothing, or the training was interrupted, of which it measures the end.

    Raises:
        UserError: if a file is damaged.
    """
    lines = []
    for job in jobs:
        provenance = runs / job.of / job.job / "provenance.json"
        if provenance.is_file():
            stage = Stage.read(provenance)
            lines.append(_line(job, stage, benchmarks / job.of / f"{job.job}.tsv"))
    return pd.DataFrame(lines, columns=[*COLUMNS])


def to_markdown(table: pd.DataFrame, jobs: Iterable[PlannedJob]) -> str:
    """Return medians and quartiles of the ratios, by stage and over all.

    Args:
        table: from `comparison`.
        jobs: that train, of the whole plan.
    """
    planned = pd.Series([job.job for job in jobs])
    rows = []
    for stage in [*dict.fromkeys(planned), "all"]:
        own = table if stage == "all" else table[table["stage"] == stage]
        count = len(planned) if stage == "all" else int((planned == stage).sum())
        rows.append([stage, f"{len(own)} of {count}", *_cells(own)])
    devices = ", ".join(dict.fromkeys(table["device"]))
    legend = (
        "Ratios are of what was to what was expected: above 1, it took more. Medians over "
        f"trainings, on {devices or 'no device yet'}; whole jobs are those with the start of their "
        "script, as Snakemake measured them."
    )
    return Sheet([*HEADS], rows, legend).markdown()


def _line(job: PlannedJob, stage: Stage, benchmark: Path) -> dict[str, Any]:
    seconds, memory = read_benchmark(benchmark)
    if len(stage.processes) > 1:
        seconds = memory = float("nan")
    return {
        "stage": job.job,
        "of": job.of,
        "basis": job.basis,
        "device": stage.processes[-1].device,
        "expected_seconds": job.seconds,
        "seconds": stage.seconds,
        "ratio": stage.seconds / job.seconds,
        "job_seconds": seconds,
        "job_ratio": seconds / (job.start + job.seconds),
        "expected_memory_mb": job.memory_mb,
        "memory_mb": memory,
        "memory_ratio": memory / job.memory_mb,
    }


def _cells(own: pd.DataFrame) -> list[str]:
    if own.empty:
        return [""] * (len(HEADS) - 2)
    low, middle, high = own["ratio"].quantile([0.25, 0.5, 0.75])
    whole, memory = own["job_ratio"].median(), own["memory_ratio"].median()
    return [
        f"{own['expected_seconds'].sum() / 3600:.2f} h",
        f"{own['seconds'].sum() / 3600:.2f} h",
        f"{middle:.2f}",
        f"{low:.2f} to {high:.2f}",
        *("" if pd.isna(ratio) else f"{ratio:.2f}" for ratio in (whole, memory)),
    ]
