"""What is said of a value that its type does not take: why, the value, what to write instead."""

from __future__ import annotations

import re
from typing import Any

from cogloat.errors import nearest

LONGEST = 80  # letters of a value in a message
LARGEST = 1e15  # of a whole number that is written out
# by the kind of pydantic's error; what is in braces, the error says
FIXES = {
    "bool_type": "Write true or false.",
    "dict_type": "Write keys with their values.",
    "finite_number": "Write a finite number.",
    "float_parsing": "Write a number.",
    "float_type": "Write a number.",
    "greater_than": "Write a number above {gt:.10g}.",
    "greater_than_equal": "Write {ge:.10g} or more.",
    "int_from_float": "Write a whole number.",
    "int_parsing": "Write a whole number.",
    "int_parsing_size": "Write a smaller number.",
    "int_type": "Write a whole number.",
    "less_than": "Write a number below {lt:.10g}.",
    "less_than_equal": "Write {le:.10g} or less.",
    "literal_error": "Write one of these.",
    "model_type": "Write keys with their values.",
    "string_type": "Write a text, in quotes where it looks like a number.",
    "too_long": "Write {max_length} of them.",
    "too_short": "Write at least {min_length}.",
    "tuple_type": "Write a list, in [ ].",
}
NUMBER = re.compile(r"([-+]?[0-9]+)(\.[0-9]*)?(?:[eE]([-+]?[0-9]+))?")


def reason(problem: Any) -> str:
    """Return one of pydantic's errors as sentences.

    Args:
        problem: the error. A check of our own says the whole by itself.
    """
    kind, value = problem["type"], problem["input"]
    if kind == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    message = on_one_line(problem["msg"].partition(", unable to parse")[0])
    found = "" if isinstance(value, dict) else f", but it is {_shown(value)}"
    return f"{message}{found}. {_fix(kind, value, problem.get('ctx', {}))}"


def on_one_line(text: str) -> str:
    """Return a text in which what is not printed is written as Python does."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _fix(kind: str, value: Any, known: dict[str, Any]) -> str:
    if kind == "union_tag_invalid":
        return nearest(known["tag"], re.findall("'([^']*)'", known["expected_tags"]))
    if kind in ("float_type", "int_type") and isinstance(value, str) and NUMBER.fullmatch(value):
        return f"Write {_as_yaml(value, whole=kind == 'int_type')}."
    fix = FIXES.get(kind, "Change the value.").format(**known)
    is_share = 1 in (known.get("le"), known.get("lt"))
    if is_share and isinstance(value, int | float) and 10 <= value <= 100:
        return f"{fix} {value:g} % is {value / 100:g}."
    return fix


def _as_yaml(text: str, *, whole: bool) -> str:
    """Return a number as YAML knows it, which asks for a point before an exponent, and its sign."""
    match = NUMBER.fullmatch(text)
    assert match is not None
    number, point, exponent = match.groups()
    if whole and float(text).is_integer() and float(text) < LARGEST:
        return f"{float(text):.0f}"
    if exponent is None:
        return f"{text}, without quotes"
    return f"{number}{point or '.0'}e{exponent if exponent[0] in '-+' else f'+{exponent}'}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
