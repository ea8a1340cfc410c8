"""What the configuration's types are made of. Imports no torch, like everything in this package."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cogloat.config import checks

Item = TypeVar("Item")

LARGEST = 2**31 - 1  # that 32 bits hold
LARGE = 1e9  # of a number with a fraction, which networks compute with in 32 bits

Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, le=LARGE), AfterValidator(checks.check_not_tiny)]
NonNegative = Annotated[float, Field(ge=0, le=LARGE)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Natural = Annotated[int, Field(ge=0, le=LARGEST)]
Percent = Annotated[float, Field(ge=0, le=100)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy's generators take
Range = Annotated[tuple[Positive, Positive], AfterValidator(checks.check_rising)]
Channels = tuple[float, float, float]
Distinct = Annotated[
    tuple[Item, ...],
    AfterValidator(checks.check_distinct),
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
]
Share = Annotated[
    float,
    AfterValidator(checks.check_share),
    Field(json_schema_extra={"minimum": 0, "maximum": 1}),
]
Confidence = Annotated[
    float,
    AfterValidator(checks.check_confidence),
    Field(json_schema_extra={"exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
Name = Annotated[
    str,
    AfterValidator(checks.check_name),
    Field(json_schema_extra={"pattern": f"^{checks.NAME.pattern}$"}),
]
Label = Annotated[
    str,
    AfterValidator(checks.check_label),
    Field(json_schema_extra={"minLength": 1, "maxLength": checks.LONGEST_LABEL}),
]
Prose = Annotated[str, AfterValidator(checks.check_prose)]
FilePath = Annotated[
    str, AfterValidator(checks.check_path), Field(json_schema_extra={"minLength": 1})
]
Digest = Annotated[
    str,
    AfterValidator(checks.check_digest),
    Field(json_schema_extra={"pattern": f"^{checks.DIGEST.pattern}$"}),
]
BlobId = Annotated[
    str,
    AfterValidator(checks.check_blob_id),
    Field(json_schema_extra={"pattern": f"^{checks.BLOB_ID.pattern}$"}),
]
HeadName = Literal["linear", "cosine", "nearest_mean", "memory"]  # of a classifier
InitName = Literal["kaiming", "torch"]  # how a network's weights begin
StageName = Literal["pretrain", "finetune", "train"]


class Strict(BaseModel):
    """A frozen section in which a misspelt key is an error and every number is finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
