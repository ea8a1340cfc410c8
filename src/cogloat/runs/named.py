"""The files of config/ by their names: a dataset, a method, a coreset, printed numbers."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from cogloat.config.checks import NAME, alike, check_name
from cogloat.errors import UserError, nearest

Kind = Literal["dataset", "method", "coreset"]
# folders of files that are called by their names
NAMED = {"datasets": "yaml", "methods": "yaml", "coresets": "yaml", "paper": "csv"}
BASE = "base/"  # of what a file may extend and is no dataset or method by itself


@cache
def named_file(config: Path, kind: Kind, name: str) -> Path:
    """Return the file of a dataset, method or coreset.

    Raises:
        UserError: if it is no name, or there is no such file, with the nearest name there is.
    """
    try:
        check_name(name)
    except ValueError as error:
        raise UserError(f"{kind}: {error}") from None
    folder = config / f"{kind}s"
    path = folder / f"{name}.yaml"
    # by the listing: a disk that does not know capitals has a file for each spelling
    if path.name not in os.listdir(folder):
        known = names(config, f"{kind}s")
        raise UserError(f"{kind} '{name}' is unknown: there is no {path}. {nearest(name, known)}")
    return path


def names(config: Path, folder: str) -> list[str]:
    """Return the names of the files in one of the folders of config/; others are passed over."""
    files = (config / folder).glob(f"*.{NAMED[folder]}")
    return sorted(file.stem for file in files if NAME.fullmatch(file.stem))


def printed_file(config: Path, name: str) -> Path:
    """Return the file of a table's printed numbers.

    Raises:
        UserError: if there is none.
    """
    path = config / "paper" / f"{name}.csv"
    if not os.path.lexists(path):  # what is there and no file is told of where it is read
        raise UserError(
            f"{config / 'config.yaml'}: printed: '{name}': there is no {path}. "
            f"{nearest(name, names(config, 'paper'))}"
        )
    return path


@cache
def extendable(config: Path, kind: Kind) -> dict[str, Path]:
    """Return the files that another one may extend, by their names, such as base/moco."""
    folder = config / f"{kind}s"
    files = [*folder.glob("*.yaml"), *(folder / BASE).glob("*.yaml")]
    known = {str(file.relative_to(folder).with_suffix("")): file for file in files}
    return {name: file for name, file in known.items() if NAME.fullmatch(name.removeprefix(BASE))}


def odd_files(config: Path) -> list[str]:
    """Return what is to be told of files that no name is of, or of two that some disks confuse.

    Hidden ones, as editors leave them, are none of them.
    """
    told = []
    for folder, suffix in NAMED.items():
        for parent in (config / folder, config / folder / BASE):
            files = [file for file in sorted(parent.glob(f"*.{suffix}")) if file.name[0] != "."]
            for file in files:
                try:
                    check_name(file.stem)
                except ValueError as error:
                    told.append(f"{str(file)!r} is passed over: {error}")
            if same := alike(file.stem for file in files):
                told.append(
                    f"{parent / same[0]}.{suffix} and {same[1]}.{suffix} are one file on disks "
                    "that do not know capitals. Rename one."
                )
    return told
