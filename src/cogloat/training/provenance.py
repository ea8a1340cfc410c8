"""What a stage leaves beside its weights: where they came from."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from cogloat.config.schema import RunConfig
from cogloat.files import sha256, write_text
from cogloat.training.loop import Row
from cogloat.training.machine import Machine


def identity(config: Path, code: str, inputs: dict[str, Path]) -> dict[str, str]:
    """Return what a stage's result depends on, each as a hash.

    Args:
        config: the effective configuration.
        code: fingerprint of the script and the modules it imports.
        inputs: name -> file, such as the split.
    """
    hashes = {name: sha256(path) for name, path in inputs.items()}
    return {"configuration": sha256(config), "code": code, **hashes}


def describe_stage(
    config: RunConfig, identity: dict[str, str], machine: Machine, seconds: float
) -> dict[str, Any]:
    """Return a stage's entry in provenance.json.

    Args:
        config: of the stage.
        identity: what the result depends on, from `identity`.
        machine: where it ran.
        seconds: wall-clock time of the last process that worked on it.
    """
    return {
        "stage": config.stage,
        "epochs": config.settings.epochs,
        "augmentations": config.settings.augmentations,
        **identity,
        **machine.describe(),
        "seconds": round(seconds, 1),
    }


def write_history(path: Path, rows: list[Row]) -> None:
    """Write one row an epoch as CSV; what was not measured in an epoch is an empty cell."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
