"""Settings of probabilistic contrast (Du et al. 2024), with a distribution of each class."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cogloat.config.types import Count, NonNegative, Positive
from cogloat.methods.settings import BesideContrast


class Settings(BesideContrast):
    """A logit-adjusted classifier beside a contrast with the classes' distributions."""

    framework = "vMF"

    objective: Literal["vmf"]
    projection: tuple[Count, Annotated[int, Field(ge=8)]] = Field(
        description="widths of the head: hidden, output"
    )
    contrast_weight: NonNegative = Field(description="alpha, beside the classifier's loss")
    temperature: Positive
    largest_concentration: Positive = Field(
        description="kappa that no class's distribution exceeds"
    )
