"""What the files of results have in common. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cogloat.errors import UserError
from cogloat.files import write_json
from cogloat.imbalance import Factor
from cogloat.readers.documents import read_document, shown

Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]


class Artefact(BaseModel):
    """A file of results, or a part of one; its numbers are finite.

    Attributes:
        FIX: what to do where the file is damaged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    FIX: ClassVar[str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            UserError: if it is missing or damaged, naming the file, the key and the fix.
        """
        document = read_document(path, f"{cls.FIX}.")
        try:
            return cls.model_validate_json(json.dumps(document))
        except ValidationError as error:
            problem = error.errors()[0]
            key = shown(problem["loc"]) or "the file"
            message = problem["msg"].removeprefix("Value error, ")
            raise UserError(f"{path}: {key}: {message}. {cls.FIX}.") from None

    def write(self, path: Path) -> None:
        """Write the file."""
        write_json(path, self.model_dump())


class OfRun(Artefact):
    """A file of results of one run; the hash is of its long-tailed subset."""

    dataset: Name
    factor: Factor
    method: Name
    seed: int
    split_sha256: str
