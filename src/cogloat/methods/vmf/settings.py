"""Settings of probabilistic contrast (Du et al. 2024), with a distribution of each class."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cogloat.config.types import Count, HeadName, Name, NonNegative, Positive
from cogloat.methods.bcl.settings import CosineHead, LinearHead
from cogloat.methods.settings import GRADIENT, Supervised


class Settings(Supervised):
    """A logit-adjusted classifier beside a contrast with the classes' distributions."""

    framework = "vMF"

    objective: Literal["vmf"]
    contrastive_augmentation: Name = Field(
        description="of two views; `augmentation` is the classifier's"
    )
    head: Annotated[LinearHead | CosineHead, Field(discriminator="kind")]
    projection: tuple[Count, Annotated[int, Field(ge=8)]] = Field(
        description="widths of the head: hidden, output"
    )
    contrast_weight: NonNegative = Field(description="alpha, beside the classifier's loss")
    temperature: Positive
    largest_concentration: Positive = Field(
        description="kappa that no class's distribution exceeds"
    )

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
