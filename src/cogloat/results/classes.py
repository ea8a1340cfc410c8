"""Names of classes, in the order of their labels. Imports no torch."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from cogloat.errors import UserError
from cogloat.readers.text import read_text

# control characters, line and paragraph separators, and bytes of a file name that are no UTF-8
UNPRINTABLE = {"Cc", "Zl", "Zp", "Cs"}


def read_class_names(path: Path, classes: int) -> tuple[str, ...]:
    """Read names: `classes` of a JSON file such as store.json, or else a text with one a line.

    Args:
        path: the file.
        classes: how many there are.

    Returns:
        The names, `escaped`.

    Raises:
        OSError: if the file is missing or cannot be read.
        UserError: if it holds no names, not as many, an empty one, or one twice.
    """
    text = read_text(path)
    names = _listed(path, text) if path.suffix == ".json" else text.splitlines()
    if len(names) != classes:
        raise UserError(
            f"{path}: has {len(names)} names, but there are {classes} classes. Give one name a "
            "class, in the order of the labels."
        )
    first: dict[str, int] = {}
    for number, name in enumerate(map(escaped, names), start=1):
        if not name:
            raise UserError(
                f"{path}: name {number} is empty. Write the name of label {number - 1}."
            )
        if first.setdefault(name, number) != number:
            raise UserError(
                f"{path}: name {number}: '{name}' is name {first[name]} too. "
                "Give each class its own."
            )
    return tuple(first)


def escaped(name: str) -> str:
    r"""Return the name of a class or file in one line of text; a line break in it becomes \n."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in UNPRINTABLE
        else letter
        for letter in name
    )


def _listed(path: Path, text: str) -> list[str]:
    try:
        names = json.loads(text)["classes"]
    except (ValueError, KeyError, TypeError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(
            f"{path}: classes: not a list of names. Give a store.json that src/fetch.py has "
            "written, or a text file with one name a line."
        )
    return names
