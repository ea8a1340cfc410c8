"""What a collection will cost, before it is made: a line a method and set, and sums. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from cogloat.imbalance import title
from cogloat.markup import markdown
from cogloat.reporting.layout import Sheet
from cogloat.results.calibration import Calibration
from cogloat.runs.files import STAGES
from cogloat.runs.plan import MEGABYTE, Job, Jobs, Key, Row, together, wall_clock

HOUR = 3600
STAND_ON = {
    "measured": "a step of their own kind of work, measured",
    "passes": "their forward passes, at the median rate of what was measured",
    "config": "images_per_second in config/datasets, which is cautious",
}


def plan_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return a line a table, dataset, factor and method, in their order.

    Returns:
        runs (seeds), stages that train, hours and disk_mb with all that is needed; new_hours and
        new_disk_mb without what an earlier line has, so that their sums are the collection's;
        memory_mb and device_mb of the largest job; basis of the hours.
    """
    lines = []
    for row, new in _with_new(rows):
        lines.append(
            {
                "table": row.table,
                "dataset": row.dataset,
                "factor": row.factor,
                "method": row.method,
                "runs": row.runs,
                "stages": _stages(row.jobs),
                "hours": _hours(row.jobs),
                "new_hours": _hours(new),
                "memory_mb": _largest(row.jobs, "memory_mb"),
                "device_mb": _largest(row.jobs, "device_mb"),
                "disk_mb": _disk(row.jobs),
                "new_disk_mb": _disk(new),
                "basis": "+".join(_shares(row.jobs)),
            }
        )
    return pd.DataFrame(lines)


def to_markdown(
    rows: Sequence[Row],
    datasets: Mapping[str, str],
    methods: Mapping[str, str],
    calibrations: Mapping[str, Calibration],
    at_once: int,
) -> str:
    """Return what a collection costs: in all, by table, by method, by set, and by what is known.

    Args:
        rows: of the collection.
        datasets: dataset -> the name that is printed.
        methods: method -> likewise.
        calibrations: by dataset.
        at_once: jobs that run at the same time.
    """
    jobs = together(rows)
    groupings: dict[str, Callable[[Row], str]] = {
        "Table or figure": lambda row: row.table,
        "Method": lambda row: methods[row.method],
        "Data": lambda row: f"{datasets[row.dataset]} {title(row.factor)}",
    }
    own = {dataset for key in jobs for dataset in [key[1]]}
    parts = [_total(jobs, at_once)]
    parts += [_grouped(rows, name, group) for name, group in groupings.items()]
    parts.append(
        "Each line has all that it needs; what is new is in no line above it, and adds up to the "
        "total. Splits, tables and figures take seconds and are not counted, nor is a download. "
        + _basis(jobs, {name: calibrations[name] for name in calibrations if name in own})
    )
    return "\n\n".join(parts) + "\n"


def _total(jobs: Jobs, at_once: int) -> str:
    together_at_once = f"{at_once} job{'s' if at_once > 1 else ''} at a time"
    return (
        f"**{_time(_hours(jobs))}** of jobs, of which {_stages(jobs)} train; "
        f"**{_time(wall_clock(jobs, at_once) / HOUR)}** by the clock with {together_at_once}, if "
        f"none is slower beside others, and {_time(wall_clock(jobs, len(jobs)) / HOUR)} with any "
        f"number. At most {_largest(jobs, 'memory_mb'):,} MB of main memory a job"
        + (f" and {device:,} MB of a GPU's" if (device := _largest(jobs, "device_mb")) else "")
        + f"; {_disk(jobs):,.0f} MB on disk."
    )


def _grouped(rows: Sequence[Row], name: str, group: Callable[[Row], str]) -> str:
    """Return a table of sums over the rows that have something in common."""
    groups: dict[str, dict[Key, Job]] = {}
    for row in rows:
        groups.setdefault(group(row), {}).update(row.jobs)
    heads = [name, "Trainings", "Time", "New", "Memory", "GPU memory", "Disk"]
    cells = []
    seen: set[Key] = set()
    for own, jobs in groups.items():
        new = {key: job for key, job in jobs.items() if key not in seen}
        seen |= jobs.keys()
        cells.append([own, *_cells(jobs, new)])
    everything = together(rows)
    cells.append(["Total", *_cells(everything, everything)])
    return Sheet(heads, cells).markdown().rstrip()


def _cells(jobs: Jobs, new: Jobs) -> list[str]:
    device = _largest(jobs, "device_mb")
    return [
        str(_stages(jobs)),
        _time(_hours(jobs)),
        _time(_hours(new)),
        f"{_largest(jobs, 'memory_mb'):,} MB",
        f"{device:,} MB" if device else "",
        f"{_disk(jobs):,.1f} MB",
    ]


def _basis(jobs: Jobs, calibrations: Mapping[str, Calibration]) -> str:
    told = [
        f"{share:.0%} of the hours stand on {STAND_ON[name]}."
        for name, share in _shares(jobs).items()
    ]
    told += [f"{name} was measured on {own.machine}." for name, own in calibrations.items()]
    if not calibrations:
        told.append("No calibration was given: src/calibrate.py measures one in a minute.")
    return markdown(" ".join(told))


def _with_new(rows: Sequence[Row]) -> list[tuple[Row, Jobs]]:
    """Return each row with those of its jobs that none before it has."""
    seen: set[Key] = set()
    found: list[tuple[Row, Jobs]] = []
    for row in rows:
        found.append((row, {key: job for key, job in row.jobs.items() if key not in seen}))
        seen |= row.jobs.keys()
    return found


def _shares(jobs: Jobs) -> dict[str, float]:
    """Return what the seconds of jobs stand on -> the share of them that do."""
    sums = dict.fromkeys(STAND_ON, 0.0)
    for job in jobs.values():
        sums[job.work.basis] += job.work.seconds
    total = sum(sums.values()) or 1.0
    return {basis: seconds / total for basis, seconds in sums.items() if seconds}


def _stages(jobs: Jobs) -> int:
    return sum(key[0] in STAGES for key in jobs)


def _hours(jobs: Jobs) -> float:
    return sum(job.seconds for job in jobs.values()) / HOUR


def _disk(jobs: Jobs) -> float:
    return sum(job.disk for job in jobs.values()) / MEGABYTE


def _largest(jobs: Jobs, key: str) -> int:
    return max((getattr(job.work, key) for job in jobs.values()), default=0)


def _time(hours: float) -> str:
    """Return a time as a person says it."""
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{60 * hours:.1f} min" if hours >= 1 / 60 else f"{HOUR * hours:.0f} s"
