"""Settings of BCL (Zhu et al. 2022), balanced contrastive learning."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import Count, HeadName, Name, NonNegative, Positive, Strict
from cogloat.methods.settings import GRADIENT, Supervised


class LinearHead(Strict):
    kind: Literal["linear"]


class CosineHead(Strict):
    kind: Literal["cosine"]
    scale: Positive


class Settings(Supervised):
    """A logit-adjusted classifier beside a contrast that weighs classes alike."""

    framework = "BCL"
    distributed = True

    objective: Literal["bcl"]
    contrastive_augmentation: Name = Field(
        description="of two views; `augmentation` is the classifier's"
    )
    head: Annotated[LinearHead | CosineHead, Field(discriminator="kind")]
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

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The classifier's and the contrastive views'."""
        return (self.augmentation, self.contrastive_augmentation)

    @property
    def head_kind(self) -> HeadName:
        """As the settings say."""
        return self.head.kind

    @property
    def score_scale(self) -> float:
        """The cosines', if it has some."""
        return self.head.scale if isinstance(self.head, CosineHead) else 1.0

    @property
    def passes(self) -> float:
        """Three views with gradient."""
        return 3 * GRADIENT
