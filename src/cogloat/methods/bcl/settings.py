"""Settings of BCL (Zhu et al. 2022), balanced contrastive learning."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import Count, NonNegative, Positive
from cogloat.methods.settings import BesideContrast


class Settings(BesideContrast):
    """A logit-adjusted classifier beside a contrast that weighs classes alike."""

    framework = "BCL"
    distributed = True

    objective: Literal["bcl"]
    projection: tuple[Count, Count] = Field(description="widths of both heads: hidden, output")
    class_weight: NonNegative = Field(description="lambda, of the logit-adjusted cross-entropy")
    contrast_weight: NonNegative = Field(description="mu")
    temperature: Positive

    @model_validator(mode="after")
    def _has_a_loss(self) -> Self:
        if self.class_weight == self.contrast_weight == 0:
            raise ValueError(
                "class_weight and contrast_weight are both 0, so nothing is learned. "
                "Write another number for one."
            )
        return self
