"""What was run where: a row a process that trained, a line a kind of machine. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cogloat.markup import restructured
from cogloat.reporting.layout import Sheet
from cogloat.results.epoch_line import duration
from cogloat.results.provenance import Process, Stage

KIND = ["device", "precision", "torch", "image"]
HASHES = ("configuration", "code", "split", "store")


def machine_table(stages: Mapping[Path, Stage]) -> pd.DataFrame:
    """Return what each process ran on and what its stage was made of, in the order of the stages.

    Args:
        stages: folder of a stage -> its provenance.
    """
    return pd.DataFrame(
        [
            _row(folder, stage, process)
            for folder, stage in stages.items()
            for process in stage.processes
        ]
    )


def sheets(table: pd.DataFrame) -> list[Sheet]:
    """Return the table with a row a kind of machine.

    Args:
        table: from `machine_table`.
    """
    heads = ["Device", "Precision", "torch", "Image", "Stages", "Processes", "Time"]
    legend = (
        "Trainings by what they ran on. A stage that was interrupted has several processes, on one "
        "kind of machine or several."
    )
    return [Sheet(heads, [_cells(own) for own in _kinds(table)], legend)]


def to_overview(table: pd.DataFrame) -> str:
    """Return the same as reStructuredText, for a report's first page.

    Args:
        table: from `machine_table`.
    """
    lines = ["**What was run where**", ""]
    for own in _kinds(table):
        device, precision, torch, image, stages, _, time = _cells(own)
        text = f"{device}, {precision}, torch {torch}, {image}: {stages} trainings, {time}"
        lines.append(f"- {restructured(text)}")
    return "\n".join([*lines, ""])


def _row(folder: Path, stage: Stage, process: Process) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "epochs": stage.epochs,
        "augmentations": " ".join(stage.augmentations),
        "device": process.device,
        "cpu_capability": process.cpu_capability,
        "threads": process.threads,
        "precision": process.precision,
        "torch": process.versions.get("torch", ""),
        "python": process.versions.get("python", ""),
        "image": process.image or "",
        "seconds": process.seconds,
        **{name: stage.identity.get(name, "") for name in HASHES},
    }


def _kinds(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [own for _, own in table.groupby(KIND, sort=False)]


def _cells(own: pd.DataFrame) -> list[str]:
    """Return what a sheet says of the processes on one kind of machine."""
    device, precision, torch, image = own[KIND].iloc[0]
    image = f"image {image[:12]}" if image else "no image"
    stages, time = own["folder"].nunique(), duration(own["seconds"].sum())
    return [device, precision, torch, image, str(stages), str(len(own)), time]
