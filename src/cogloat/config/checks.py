"""Checks of values that are no plain bounds of a number.

What each raises is the whole message: what is wrong, with the value, and what to write instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")

LONGEST_NAME = 64  # a file's name is made of up to two of them, and has 255 bytes
LONGEST_LABEL = 100
SMALL = 1e-12  # of what must not be 0
NAME = re.compile(f"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}")
DIGEST = re.compile("[0-9a-f]{64}")
BLOB_ID = re.compile("[0-9a-f]{8,40}")
# Of Markdown, HTML, reStructuredText or matplotlib. What else is special to one of them is escaped
# where it is printed.
MARKUP = "|`<>$*\\"


def check_name(text: str) -> str:
    """Return a name, which paths and command lines can hold as it is.

    Raises:
        ValueError: if it is none.
    """
    if NAME.fullmatch(text) is None:
        tidy = re.sub("[^A-Za-z0-9_-]+", "_", text).strip("_-")[:LONGEST_NAME]
        better = f"Name it '{tidy}'" if tidy else "Choose another"
        raise ValueError(
            f"{_shown(text)} is no name, which has letters (a to z), digits, _ and - only, begins "
            f"with a letter or a digit and is no longer than {LONGEST_NAME}. {better}."
        )
    return text


def check_label(text: str) -> str:
    """Return a label: a short line of text that tables and figures print as it is.

    Raises:
        ValueError: if it is none.
    """
    if not text.strip():
        raise ValueError(f"the label {text!r} is blank. Write what tables are to print.")
    for letter in text:
        if letter in MARKUP:
            raise ValueError(f"the label {_shown(text)} has {letter!r}, markup. Leave it out.")
        if not letter.isprintable():
            raise ValueError(
                f"the label {_shown(text)} has {letter!r}, which is not printed. Leave it out."
            )
    if text != text.strip():
        raise ValueError(f"the label {_shown(text)} begins or ends with a blank. Leave it out.")
    if text.startswith("-"):
        raise ValueError(f"the label {_shown(text)} begins like an option. Leave the '-' out.")
    if len(text) > LONGEST_LABEL:
        raise ValueError(
            f"the label {_shown(text)} has {len(text)} letters. Write at most {LONGEST_LABEL}."
        )
    return text


def check_prose(text: str) -> str:
    """Return a text that may have several lines.

    Raises:
        ValueError: if it has a control character.
    """
    _check_no_control(text, but="\t\n\r")
    return text


def check_path(text: str) -> str:
    """Return a path that a file system can have.

    Raises:
        ValueError: if it is blank, or has a control character.
    """
    if not text.strip():
        raise ValueError("the path is blank. Write where the files are.")
    _check_no_control(text)
    return text


def check_digest(text: str) -> str:
    """Return a SHA-256 in hexadecimal.

    Raises:
        ValueError: if it is none.
    """
    if DIGEST.fullmatch(text) is None:
        raise ValueError(
            f"{_shown(text)} is no SHA-256. Write its 64 hexadecimal digits, letters in lower case."
        )
    return text


def check_blob_id(text: str) -> str:
    """Return Git's name of a file's bytes, or how it begins.

    Raises:
        ValueError: if it is none.
    """
    if BLOB_ID.fullmatch(text) is None:
        raise ValueError(
            f"{_shown(text)} is no blob id. Write the hexadecimal digits that `git hash-object "
            "FILE` prints, or the first of them, at least 8."
        )
    return text


def check_distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return a list that has nothing twice.

    Raises:
        ValueError: naming what it has twice.
    """
    for position, item in enumerate(items):
        if item in items[:position]:
            raise ValueError(f"'{item}' is listed twice. Leave one out.")
    return items


def check_rising(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the bounds of a range.

    Raises:
        ValueError: if the first is above the second.
    """
    low, high = bounds
    if low > high:
        raise ValueError(f"from {low:g} to {high:g} is no range. Write [{high:g}, {low:g}].")
    return bounds


def check_not_tiny(number: float) -> float:
    """Return a positive number that is not 0 in 32 bits either, nor what is divided by it infinite.

    Raises:
        ValueError: if it is.
    """
    if number < SMALL:
        raise ValueError(f"{number:g} is as good as 0. Write {SMALL:g} or more.")
    return number


def check_share(share: float) -> float:
    """Return a share of the epochs.

    Raises:
        ValueError: if it is none.
    """
    if not 0 <= share <= 1:
        raise ValueError(
            f"{share:g} is no share of the epochs, which is from 0 to 1. For 160 of 200 epochs "
            "write 0.8."
        )
    return share


def check_confidence(probability: float) -> float:
    """Return the probability that an interval is to have.

    Raises:
        ValueError: if no interval has it.
    """
    if not 0 < probability < 1:
        meant = probability / 100 if 50 <= probability < 100 else 0.95
        raise ValueError(
            f"{probability:g} is no confidence, a probability above 0 and below 1. Write {meant:g}."
        )
    return probability


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that differ in capitals only, which some file systems take for one."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            return other, name
    return None


def _check_no_control(text: str, but: str = "") -> None:
    for letter in text:
        if unicodedata.category(letter) == "Cc" and letter not in but:
            raise ValueError(f"{_shown(text)} has {letter!r}. Leave it out.")


def _shown(text: str) -> str:
    """Return a text as a message quotes it: on one line, and not all of a long one."""
    return repr(text if len(text) <= LONGEST_LABEL else f"{text[:30]}...")
