"""Read a file into its type and back; an error names the file, the key, the value and the fix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cogloat.config.reasons import reason
from cogloat.config.types import Strict
from cogloat.errors import UserError, nearest
from cogloat.readers.documents import read_document, shown

Model = TypeVar("Model", bound=BaseModel)


def load(model: type[Model], path: Path | str) -> Model:
    """Read one YAML or JSON file into its type.

    Raises:
        UserError: with the file, the key, the value and the fix.
    """
    raw = read_document(path)
    return validate(model, raw, {str(path): raw})


def validate(
    model: type[Model], value: Any, origins: Mapping[str, Any], *, strict: bool | None = None
) -> Model:
    """Check a value against its type.

    Args:
        model: the type.
        value: what a document holds, as `read_document` returns it.
        origins: file name -> what the file holds; the first one that holds an offending key
            is named.
        strict: False where numbers may be text.

    Raises:
        UserError: naming every offending key, its value, and the fix.
    """
    try:
        return model.model_validate_json(json.dumps(value), strict=strict)
    except ValidationError as error:
        problems = [
            explain(problem, keys_of(problem["loc"], value), origins) for problem in error.errors()
        ]
        raise UserError("\n".join(problems)) from None


def dump(config: BaseModel) -> str:
    """Return a configuration as JSON text, the same text for the same meaning."""
    return config.model_dump_json(indent=2, exclude_none=True) + "\n"


def config_hash(config: BaseModel) -> str:
    """Return the SHA-256 of a configuration's meaning."""
    return hashlib.sha256(dump(config).encode()).hexdigest()


def holds(value: Any, location: tuple[int | str, ...]) -> bool:
    """Say whether a nested value has the keys of a location; union tags in it are skipped."""
    for part in location:
        if isinstance(value, list):
            value = dict(enumerate(value))
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif not (isinstance(value, dict) and part == value.get("kind", value.get("op"))):
            return False
    return True


def keys_of(location: tuple[int | str, ...], value: Any) -> tuple[int | str, ...]:
    """Return an error's location without what is no key of the file.

    Args:
        location: has the objective's name after that of its section, the name of a type after a
            value that may be of several, and a mark after what is wrong as a key.
        value: what the file holds.
    """
    kept: list[int | str] = []
    for part in location:
        if isinstance(value, list) and isinstance(part, int):
            value = dict(enumerate(value))
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif not isinstance(value, dict) or part in ("[key]", value.get("objective")):
            continue
        elif part not in (value.get("kind"), value.get("op")):  # is missing
            value = {}
        kept.append(part)
    return tuple(kept)


def explain(problem: Any, location: tuple[int | str, ...], origins: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors as a message.

    Args:
        problem: the error.
        location: of the key in the file.
        origins: file name -> what it holds.
    """
    if problem["type"] == "union_tag_not_found":
        problem = problem | {"type": "missing"}
        location = (*location, problem["ctx"]["discriminator"].strip("'"))
    tag = problem["ctx"]["discriminator"] if problem["type"] == "union_tag_invalid" else None
    deepest = location if tag is None else (*location, tag.strip("'"))
    holders = [name for name, part in origins.items() if holds(part, deepest)]
    if problem["type"] == "missing":  # in none of them; a method's own file and what it extends
        holders = [name for name, part in origins.items() if holds(part, location[:1])]
    of_section = problem["type"] == "value_error" and isinstance(problem["input"], dict)
    several = problem["type"] == "missing" or of_section
    file = " with ".join(holders if several else holders[:1]) or list(origins)[-1]
    key = shown(location) or "the file"
    match problem["type"]:
        case "extra_forbidden":
            return f"{file}: {key}: unknown key. {nearest(str(location[-1]), _known_keys())}"
        case "missing" if isinstance(location[-1], int):
            return f"{file}: {key}: the list is too short. Add to it."
        case "missing":
            return f"{file}: {key}: missing key. Add it; {_purpose(str(location[-1]))}."
        case _:
            return f"{file}: {key}: {reason(problem)}"


def _models(model: type[BaseModel] = Strict) -> Iterator[type[BaseModel]]:
    for part in model.__subclasses__():
        yield part
        yield from _models(part)


def _known_keys() -> set[str]:
    return {name for model in _models() for name in model.model_fields}


def _purpose(key: str) -> str:
    """Return what a key is for, where all the sections that have it say the same."""
    fields = [model.model_fields[key] for model in _models() if key in model.model_fields]
    purposes = {field.description for field in fields}
    if len(purposes) == 1 and None not in purposes:
        return f"it is: {purposes.pop()}"
    return "another file of the same folder shows how"
