"""Arguments that scripts which train share, and what is checked of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Digest, NonNegative
from cogloat.errors import UserError, nearest
from cogloat.files import sha256, writable_folder


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
