"""What YAML makes of a word without quotes; its versions must make the same of it.

YAML 1.1, which PyYAML and Snakemake read, takes `off` for false, `012` for 10, `1:30` for 90,
`2024-01-01` for a date and `1e-3` for text. YAML 1.2, like most people, does not.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

TAG = "tag:yaml.org,2002:"
RESOLVER = yaml.resolver.Resolver()
CONSTRUCTOR = yaml.constructor.SafeConstructor()
CORE_SCHEMA = {  # of YAML 1.2: what a word is -> how it is written
    "null": re.compile("(?:null|Null|NULL|~|)"),
    "bool": re.compile("true|True|TRUE|false|False|FALSE"),
    "int": re.compile("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    "float": re.compile(
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    ),
}
EXPONENT = re.compile(r"([-+]?[0-9.]+)[eE]([-+]?)([0-9]+)")


def value_of(word: str) -> Any:
    """Return the text, number, boolean or None that a word without quotes is.

    Raises:
        ValueError: if the versions of YAML make different things of it, or nothing; says what to
            write.
    """
    try:
        old, new = _by_yaml_1_1(word), _by_yaml_1_2(word)
    except ValueError:  # without a digit, or of thousands
        raise ValueError("there is no such number. Write another, or put it in quotes.") from None
    if type(old) is type(new) and repr(old) == repr(new):
        return new
    plain = [_written(value, word) for value in (old, new) if isinstance(value, int | float)]
    choice = f"Write {' or '.join(plain)}, or put text" if plain else "Put it"
    raise ValueError(
        f"`{word}` is {_words(old)} in YAML 1.1 and {_words(new)} in YAML 1.2. {choice} in quotes."
    )


class _Special(NamedTuple):
    """What YAML 1.1 has a type for, and JSON has not."""

    words: str


def _by_yaml_1_1(word: str) -> Any:
    tag = RESOLVER.resolve(yaml.ScalarNode, word, (True, False))
    node = yaml.ScalarNode(tag, word)
    match tag.removeprefix(TAG):
        case "null":
            return None
        case "bool":
            return CONSTRUCTOR.construct_yaml_bool(node)
        case "int":
            return CONSTRUCTOR.construct_yaml_int(node)
        case "float":
            return CONSTRUCTOR.construct_yaml_float(node)
        case "timestamp":
            return _Special("a date")
        case "merge" | "value":
            return _Special("a sign")
    return word


def _by_yaml_1_2(word: str) -> Any:
    kinds = (kind for kind, pattern in CORE_SCHEMA.items() if pattern.fullmatch(word))
    match next(kinds, "str"):
        case "null":
            return None
        case "bool":
            return word.lower() == "true"
        case "int":
            return int(word, 0 if word[:2] in ("0o", "0x") else 10)
        case "float":
            return float(word.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return word


def _words(value: Any) -> str:
    if isinstance(value, _Special):
        return value.words
    return _written(value, "") if isinstance(value, int | float) else "text"


def _written(value: float, word: str) -> str:
    """Return a number or a boolean as every version of YAML reads it."""
    if isinstance(value, float) and (parts := EXPONENT.fullmatch(word)):
        mantissa, sign, exponent = parts.groups()
        return f"{float(mantissa)}e{sign or '+'}{exponent}"
    return str(value).lower()
