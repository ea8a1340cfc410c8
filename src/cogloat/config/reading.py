"""Read a file into its type and back; an error names the file, the key, the value and the fix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from cogloat.config.types import Strict
from cogloat.errors import UserError, nearest

Model = TypeVar("Model", bound=BaseModel)


def load(model: type[Model], path: Path | str) -> Model:
    """Read one YAML or JSON file into its type.

    Raises:
        UserError: with the file, the key, the value and the fix.
    """
    raw = read_yaml(path)
    return validate(model, raw, {str(path): raw})


def read_yaml(path: Path | str) -> Any:
    """Read a YAML (or JSON) file.

    Raises:
        UserError: if it is missing or is not YAML, with the line.
    """
    try:
        return yaml.safe_load(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}. Mend the line.") from None


def validate(model: type[Model], value: Any, origins: Mapping[str, Any]) -> Model:
    """Check a value against its type.

    Args:
        model: the type.
        value: what a YAML or JSON file holds.
        origins: file name -> what the file holds; the first one that holds an offending key
            is named.

    Raises:
        UserError: naming every offending key, its value, and the fix.
    """
    try:
        return model.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        problems = [
            explain(problem, _without_objective(problem["loc"], value), origins)
            for problem in error.errors()
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
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif not (isinstance(value, dict) and part == value.get("kind", value.get("op"))):
            return False
    return True


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
    holders = [name for name, part in origins.items() if holds(part, location)]
    if problem["type"] == "missing":  # in none of them; a method's own file and what it extends
        holders = [name for name, part in origins.items() if holds(part, location[:1])]
    several = problem["type"] in ("missing", "value_error")
    file = " with ".join(holders if several else holders[:1]) or list(origins)[-1]
    key = ".".join(str(part) for part in location) or "the file"
    match problem["type"]:
        case "extra_forbidden":
            return f"{file}: {key}: unknown key. {nearest(str(location[-1]), _known_keys())}"
        case "missing":
            return f"{file}: {key}: missing key. Add it; {_purpose(str(location[-1]))}."
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            value = problem["input"]
            found = "" if isinstance(value, dict) else f", but it is {value!r}"
            return f"{file}: {key}: {message}{found}. Change the value."


def _without_objective(location: tuple[int | str, ...], value: Any) -> tuple[int | str, ...]:
    """Drop the objective's name, which an error's location has after that of its section."""
    kept = []
    for part in location:
        if isinstance(value, dict) and part not in value and part == value.get("objective"):
            continue
        value = value.get(part) if isinstance(value, dict) else None
        kept.append(part)
    return tuple(kept)


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
