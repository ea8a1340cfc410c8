"""How a training set is long-tailed: 100, "step100" or "natural". Imports no torch.

The number is that of images in the largest class over the smallest. A factor by itself is the
exponential profile of Cao et al. 2019; `step` is their other one, with a large and a small half of
the classes; `natural` takes the data as they are.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from cogloat.errors import UserError

NATURAL = "natural"
STEP = "step"
WRITTEN = "a whole number of at least 1, 'step' with such a number (step100), or 'natural'"
EXPECTED = f"an imbalance factor is {WRITTEN}, but it is"
NUMBER = "[1-9][0-9]{0,8}"
PATTERN = f"{NATURAL}|{STEP}{NUMBER}"


def from_text(text: str) -> int | str:
    """Return what a table calls 100, step100 or natural.

    Raises:
        ValueError: if it is none of them, written plainly.
    """
    if re.fullmatch(NUMBER, text):
        return int(text)
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{EXPECTED} {text!r}")
    return text


def _checked(value: Any) -> int | str:
    try:
        return from_text("" if isinstance(value, bool) else str(value))
    except ValueError:
        raise ValueError(f"{EXPECTED} {value!r}. Change the value.") from None


Factor = Annotated[
    int | str,
    BeforeValidator(_checked),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": f"^({PATTERN})$"},
            ]
        }
    ),
]


def ratio(factor: Factor) -> int | None:
    """Return largest over smallest class; nothing where the data are taken as they are."""
    if isinstance(factor, int):
        return factor
    return None if factor == NATURAL else int(factor.removeprefix(STEP))


def folder(factor: object) -> str:
    """Return how paths call a factor, or a table's cell of one: if100, step100 or natural."""
    text = str(factor)
    return f"if{text}" if text.isdecimal() else text


def title(factor: object) -> str:
    """Return how tables and figures call a factor, or a table's cell of one: IF 100, step 100."""
    text = str(factor)
    if text.isdecimal():
        return f"IF {text}"
    return text.replace(STEP, f"{STEP} ")


def from_folder(name: str) -> Factor:
    """Return what a part of a path calls if100, step100 or natural.

    Raises:
        UserError: if it is none of them.
    """
    number = re.fullmatch(f"if({NUMBER})", name)
    if number is None and not re.fullmatch(PATTERN, name):
        raise UserError(
            f"'{name}' is no imbalance: it is if<number>, step<number> (whole numbers of at least "
            f"1) or {NATURAL}. Change the path you ask for."
        )
    return int(number[1]) if number else name
