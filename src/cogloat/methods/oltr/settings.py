"""Settings of OLTR's second stage (Liu et al. 2019)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cogloat.config.types import HeadName, InitName, NonNegative, Positive
from cogloat.methods.settings import FromRun, Supervised


class Settings(FromRun, Supervised):
    """A classifier with attention and a memory, which the first stage's classifier recalls."""

    framework = "OLTR"

    objective: Literal["oltr"]
    features_rate: Positive = Field(
        description="of the rate, for the backbone with its attention and last layer"
    )
    memory_rate: Positive = Field(description="of the rate, for the memory")
    memory_weight: NonNegative = Field(
        description="of both terms with the memory; the memory itself does not feel it"
    )
    repel_weight: NonNegative = Field(description="of the other classes' term beside the own's")
    margin: Positive = Field(
        description="mean squared distance to the other classes' points that is asked for"
    )

    @property
    def head_kind(self) -> HeadName:
        """With a memory."""
        return "memory"

    @property
    def head_init(self) -> InitName:
        """Its own."""
        return "torch"
