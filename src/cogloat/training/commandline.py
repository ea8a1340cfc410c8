"""Arguments that scripts share which train, or measure what was trained; and what is checked."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.reading import load
from cogloat.config.types import Digest, NonNegative
from cogloat.data.store import MANIFEST
from cogloat.errors import UserError, nearest
from cogloat.files import sha256, writable_file, writable_folder
from cogloat.results.provenance import check_beside
from cogloat.runs.effective import RunConfig
from cogloat.training.machine import add_machine_arguments


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a training is made of, and where it is saved while it goes on."""
    parser.add_argument("--config", type=Path, required=True, help="effective configuration")
    parser.add_argument(
        "--config-hash", type=of_type(Digest), help="SHA-256 that the configuration must have"
    )
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument(
        "--scratch", type=writable_folder, required=True, help="folder for the resume state"
    )
    parser.add_argument(
        "--save-every",
        type=of_type(NonNegative),
        default=60,
        help="seconds between two saves (default: 60)",
    )


def add_encoder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a trained encoder, what it was made of, and where what is measured of it goes."""
    parser.add_argument("--config", type=Path, required=True, help="of the pretrain stage")
    parser.add_argument("--weights", type=Path, required=True, help="its weights.pt")
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument(
        "--output", type=writable_file, required=True, help="gets the measures, JSON"
    )
    add_machine_arguments(parser)


def encoder_config(args: argparse.Namespace) -> RunConfig:
    """Return the configuration of a trained encoder, of which it was made with the other files.

    Raises:
        UserError: if it is not valid, or the encoder's provenance names other files.
    """
    config = load(RunConfig, args.config)
    made_of = {"configuration": args.config, "store": args.store / MANIFEST}
    check_beside(args.weights, **made_of, split=args.split)
    return config


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


def named_file(text: str) -> tuple[str, Path]:
    """Return the name and the file of NAME=FILE.

    Raises:
        ArgumentTypeError: if it is no such pair.
    """
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=FILE")
    return name, Path(path)


def check_inputs(
    given: Iterable[tuple[str, Path]], needed: Iterable[str], config: Path
) -> Mapping[str, Path]:
    """Return the files by name; they must be those that are needed.

    Raises:
        UserError: if one is missing, unknown or there twice.
    """
    pairs, names = list(given), list(needed)
    files = dict(pairs)
    for name, _ in pairs:
        if name not in names:
            raise UserError(f"--input {name}: {config} needs no such file. {nearest(name, names)}")
    if len(files) != len(pairs):
        raise UserError("--input: a name is there twice. Give each once.")
    for name in names:
        if name not in files:
            raise UserError(f"{config}: its training needs a file. Give it: --input {name}=FILE.")
    return files
