"""What the configuration's types are made of. Imports no torch, like everything in this package."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[Positive, Positive]
Channels = tuple[float, float, float]
HeadName = Literal["linear", "cosine"]  # of a classifier
StageName = Literal["pretrain", "finetune", "train"]


class Strict(BaseModel):
    """A frozen section in which a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
