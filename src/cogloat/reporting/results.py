"""What a run leaves as JSON, read into a type. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cogloat.errors import UserError

Result = TypeVar("Result", bound=BaseModel)


def read_result(model: type[Result], path: Path, fix: str) -> Result:
    """Read a JSON file.

    Args:
        model: its type; keys that it lacks are ignored.
        path: the file.
        fix: what to do where it is damaged.

    Raises:
        UserError: naming the file, the key and the fix.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "the file"
        raise UserError(f"{path}: {key}: {problem['msg']}. {fix}.") from None
