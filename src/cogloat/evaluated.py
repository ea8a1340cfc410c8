"""What an evaluated run has left in its folder, each file checked against the others. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cogloat.config.reading import load
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Run, Stage
from cogloat.runs.effective import RunConfig


@dataclass(frozen=True)
class Evaluated:
    """A run.

    Attributes:
        folder: of the run.
        config: of its last stage.
        weights: that its last stage left: a classifier's.
        metrics: what the classifier is worth.
        provenance: where all that came from.
    """

    folder: Path
    config: RunConfig
    weights: Path
    metrics: Metrics
    provenance: Run


def read_evaluated(folder: Path) -> Evaluated:
    """Return what a run has left, if nothing in its folder is another run's.

    Raises:
        UserError: if a file is missing, damaged or of another run.
    """
    file, metrics_file = folder / "provenance.json", folder / "metrics.json"
    if not (file.is_file() and metrics_file.is_file()):
        raise UserError(
            f"--run {folder}: not the folder of an evaluated run, which has a metrics.json and a "
            "provenance.json. Evaluate the run, or give another folder."
        )
    provenance = Run.read(file)
    last = provenance.stages[-1]
    config_file, weights = (folder / last.stage / name for name in ("config.json", "weights.pt"))
    expected = [(config_file, last.identity.get("configuration"))]
    expected += [(weights, last.outputs.get(weights.name))]
    for path, known in expected:
        if sha256(path) != known:
            raise UserError(
                f"{path}: not the file of the run, says {file}. Get it again, or train the run "
                "again."
            )
    config, metrics = load(RunConfig, config_file), Metrics.read(metrics_file)
    for key in ("dataset", "factor", "method", "seed"):
        if getattr(metrics, key) != getattr(config, key):
            raise UserError(
                f"{metrics_file}: {key}: {getattr(metrics, key)}, but {config_file} has "
                f"{getattr(config, key)}. Evaluate the run again."
            )
    if len(metrics.classes) != config.data.classes:
        raise UserError(
            f"{metrics_file}: classes: {len(metrics.classes)} names, but {config_file} has "
            f"{config.data.classes} classes. Evaluate the run again."
        )
    return Evaluated(folder, config, weights, metrics, provenance)


def stage_config(run: Evaluated, stage: Stage) -> RunConfig:
    """Return the configuration of one of a run's stages; its encoder may be another method's.

    Args:
        run: whose.
        stage: of its provenance, which has the configuration's hash.

    Raises:
        UserError: if it is in the folder of no method of the same long-tailed set and seed.
    """
    known, seed = stage.identity.get("configuration"), run.folder.name
    beside = sorted(run.folder.absolute().parents[1].glob(f"*/{seed}/{stage.stage}/config.json"))
    for path in (run.folder / stage.stage / "config.json", *beside):
        if path.is_file() and sha256(path) == known:
            return load(RunConfig, path)
    raise UserError(
        f"{run.folder}: the configuration of its stage '{stage.stage}' is gone, of SHA-256 "
        f"{known}. Get it again, or train the run again."
    )
