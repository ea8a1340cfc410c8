"""YAML and JSON files: sections of keys and values, each of which means one thing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeAlias

from cogloat.errors import UserError, lost
from cogloat.readers.strict_yaml import DEEPEST, parse_yaml
from cogloat.readers.text import SAVE_IT, read_text

Place: TypeAlias = tuple[int | str, ...]  # the keys that lead to a value
LARGEST = 2**63 - 1  # what arrays and generators can hold


def read_document(path: Path | str, fix: str = "Mend the line.") -> dict[str, Any]:
    """Read a file of keys and values: JSON where its name ends in .json, otherwise YAML.

    Args:
        path: the file.
        fix: what to do where it is damaged JSON, which a person seldom writes.

    Returns:
        Nested dictionaries with text as keys, lists, text, finite numbers, booleans and None.

    Raises:
        OSError: if it cannot be read.
        UserError: if it is missing or is no such file, with the line or the key.
    """
    is_json = Path(path).suffix == ".json"
    try:
        text = read_text(path, fix if is_json else SAVE_IT)
    except FileNotFoundError:
        raise lost(Path(path), "no such file. Check the path.") from None
    if is_json:
        document = plain(_parse_json(path, text, fix), path, fix)
    else:
        document, fix = plain(parse_yaml(path, text), path), "Write `key: value` lines."
    if not isinstance(document, dict):
        raise UserError(f"{path}: holds {_kind(document)}, not keys. {fix}")
    return document


def plain(value: Any, path: Path | str, fix: str = "Change it.") -> Any:
    """Return a parser's value, in which there is nothing that JSON could not hold.

    Args:
        value: what a parser has made of a file.
        path: the file.
        fix: how messages end.

    Raises:
        UserError: if a key is no text or is there twice, text is none that a file can hold, a
            number is not finite or has more than 64 bits, a value is of another type, or sections
            are nested too deep.
    """
    return _Reader(path, fix).value(value, ())


def shown(place: Iterable[int | str]) -> str:
    """Return the keys that lead to a value as one line; of many the first ones."""
    return repr(".".join(str(key) for key in [*place][:9]))[1:-1]


class _Object(NamedTuple):
    """A JSON object before it is known that no key is there twice."""

    pairs: list[tuple[str, Any]]


class _Reader(NamedTuple):
    """Checks what a parser has made of a file."""

    path: Path | str
    fix: str

    def value(self, value: Any, place: Place) -> Any:
        """Return a value; `place` are the keys that lead to it."""
        match value:
            case None | bool():
                return value
            case str():
                if "\0" in value:
                    self._refuse(place, "the text has a NUL character")
                return self._letters(value, place)
            case int():
                if abs(value) > LARGEST:
                    self._refuse(place, "the number is too large, it has more than 64 bits")
                return value
            case float():
                if not math.isfinite(value):
                    self._refuse(place, f"{value} is not a finite number")
                return value
            case _Object():
                return self._section(value.pairs, place)
            case dict():
                return self._section(value.items(), place)
            case list():
                self._check_depth(place)
                return [self.value(own, (*place, number)) for number, own in enumerate(value)]
        self._refuse(place, f"it is {_kind(value)}; if text is meant, it needs quotes")

    def _section(self, pairs: Iterable[tuple[Any, Any]], place: Place) -> dict[str, Any]:
        self._check_depth(place)
        section: dict[str, Any] = {}
        for key, value in pairs:
            own = (*place, str(key))
            if not isinstance(key, str):
                self._refuse(own, f"the key is {_kind(key)}, and needs quotes")
            if key in section:
                self._refuse(own, "the key is there twice")
            section[self._letters(key, own)] = self.value(value, own)
        return section

    def _check_depth(self, place: Place) -> None:
        if len(place) > DEEPEST:
            self._refuse(place, f"it is nested more than {DEEPEST} deep")

    def _letters(self, text: str, place: Place) -> str:
        """Return text in which two halves that JSON escapes one by one are the letter they are."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._refuse(place, "half of a surrogate pair is no letter")

    def _refuse(self, place: Place, problem: str) -> NoReturn:
        raise UserError(f"{self.path}: {shown(place) or 'the file'}: {problem}. {self.fix}")


def _parse_json(path: Path | str, text: str, fix: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno}: not valid JSON: {error.msg}"
    except RecursionError:
        problem = f"it is nested more than {DEEPEST} deep"
    except ValueError:  # of thousands of digits
        problem = "a number is too large, it has more than 64 bits"
    raise UserError(f"{path}: {problem}. {fix}")


def _kind(value: object) -> str:
    """Return what a value is, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the value {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a section"
    return f"a {type(value).__name__}"
