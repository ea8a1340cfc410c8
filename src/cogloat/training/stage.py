"""What the training scripts share: their arguments, what they open, what they leave."""

from __future__ import annotations

import argparse
import importlib
import time
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from cogloat.config.parse import load
from cogloat.config.schema import RunConfig
from cogloat.data.imageset import ImageSet, load_training_set
from cogloat.errors import UserError
from cogloat.files import sha256, write_json
from cogloat.fingerprint import fingerprint
from cogloat.objectives import Materials
from cogloat.randomness import seeded_globally
from cogloat.training.checkpoint import save_checkpoint
from cogloat.training.loop import Row, fit
from cogloat.training.machine import Machine, add_machine_arguments, set_up_machine
from cogloat.training.provenance import describe_stage, identity, write_history
from cogloat.training.resume import ResumeState


@dataclass(frozen=True)
class Stage:
    """One stage of one run, opened."""

    config: RunConfig
    training: ImageSet
    machine: Machine
    resume: ResumeState
    output_dir: Path
    started: float

    def run(self, materials: Materials) -> None:
        """Train the objective that the configuration names, and write what the stage leaves."""
        config = self.config
        objectives = importlib.import_module(f"cogloat.objectives.{config.settings.objective}")
        with seeded_globally(config.seed, "initialise", config.stage):
            objective = objectives.build(materials)
        history = fit(objective, config.settings, self.machine, self.resume, config.name)
        self._finish(objective.weights(), history)

    def _finish(self, weights: dict[str, Tensor], history: list[Row]) -> None:
        """Write weights.pt, history.csv and provenance.json; then drop the resume state."""
        on_cpu = {name: value.cpu() for name, value in weights.items()}
        save_checkpoint(self.output_dir / "weights.pt", on_cpu)
        write_history(self.output_dir / "history.csv", history)
        seconds = time.monotonic() - self.started
        stage = describe_stage(self.config, self.resume.identity, self.machine, seconds)
        write_json(self.output_dir / "provenance.json", stage)
        self.resume.remove()


def stage_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments of every training script."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument("--output-dir", type=Path, required=True, help="gets the stage's files")
    add_scratch_arguments(parser)
    add_machine_arguments(parser)
    return parser


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config and --config-hash to a script that trains."""
    parser.add_argument("--config", type=Path, required=True, help="effective configuration")
    parser.add_argument("--config-hash", help="SHA-256 that the configuration must have")


def check_config(args: argparse.Namespace) -> None:
    """Check that the configuration is the one that was asked for, where its hash was given.

    Raises:
        UserError: if it has changed since it was made.
    """
    if args.config_hash is not None and sha256(args.config) != args.config_hash:
        raise UserError(
            f"{args.config}: corrupt or edited: it is not what config/ says. "
            "Change config/, or delete this file; the step that makes it makes it again."
        )


def add_scratch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --scratch and --save-every to a script that can be resumed."""
    parser.add_argument("--scratch", type=Path, required=True, help="resume state")
    parser.add_argument(
        "--save-every", type=float, default=60, help="seconds between two saves (default: 60)"
    )


def open_stage(args: argparse.Namespace, stage: str, script: str, **inputs: Path | None) -> Stage:
    """Read the configuration and the data of a stage.

    Args:
        args: of `stage_parser`.
        stage: its name; another stage's configuration is an error.
        script: the script's `__file__`.
        inputs: name -> further file that the result depends on, or None where there is none.

    Raises:
        UserError: if something is missing, damaged or of another stage.
    """
    started = time.monotonic()
    check_config(args)
    config = load(RunConfig, args.config)
    if config.stage != stage:
        raise UserError(
            f"{args.config}: stage is '{config.stage}', this script runs '{stage}'. "
            "Give the configuration of this stage."
        )
    machine = set_up_machine(args)
    training = load_training_set(args.store, args.split, config.data.classes, machine.device)
    code = fingerprint(Path(script), f"cogloat.objectives.{config.settings.objective}")
    given = {name: path for name, path in inputs.items() if path is not None}
    known = identity(args.config, code, {"split": args.split, **given})
    resume = ResumeState(args.scratch, known, args.save_every)
    return Stage(config, training, machine, resume, args.output_dir, started)
