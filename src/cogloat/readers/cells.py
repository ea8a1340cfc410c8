"""What the cells of tables hold; each function reads one, or says what is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

WHOLE = re.compile("-?(?:0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
LONGEST_WHOLE = 18  # digits, which 64 bits hold
LONGEST_SHOWN = 40  # letters

Cell = Callable[[str], Any]  # reads one, or raises ValueError with what is wrong


def word(text: str) -> str:
    """Return text, of which there must be some."""
    if not text:
        raise ValueError("the cell is empty")
    return text


def whole(text: str) -> int:
    """Return a whole number, in plain digits; no sign but -, no blanks, no 1_000, no 1.0."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{_shown(text)} is not a whole number")
    if len(text) > LONGEST_WHOLE:
        raise ValueError(f"{_shown(text)} has more than {LONGEST_WHOLE} digits")
    return int(text)


def decimal(text: str) -> float:
    """Return a finite number, such as 70.4 or 1e-07."""
    if not DECIMAL.fullmatch(text):
        raise ValueError(f"{_shown(text)} is not a number")
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{_shown(text)} is too large a number")
    return value


def within(read: Cell, least: float, most: float = math.inf) -> Cell:
    """Return how a number is read that is in a range."""

    def ranged(text: str) -> Any:
        value = read(text)
        if not least <= value <= most:
            upper = f" and at most {most}" if math.isfinite(most) else ""
            raise ValueError(f"{_shown(text)} is not at least {least}{upper}")
        return value

    return ranged


def one_of(*words: str) -> Cell:
    """Return how a cell is read that holds one of some words."""

    def known(text: str) -> str:
        if text not in words:
            raise ValueError(f"{_shown(text)} is not one of {', '.join(words)}")
        return text

    return known


def optional(read: Cell) -> Cell:
    """Return how a cell is read that may be empty, which is None."""
    return lambda text: read(text) if text else None


def listed(read: Cell) -> Cell:
    """Return how several values are read, with blanks between them."""
    return lambda text: tuple(read(part) for part in text.split())


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")
