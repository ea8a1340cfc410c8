"""Settings of classifiers by a loss on their scores: CE, Focal, LDAM and their re-weightings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from cogloat.config.types import BelowOne, HeadName, NonNegative, Positive, Share, Strict
from cogloat.methods.settings import Supervised


class CrossEntropy(Strict):
    kind: Literal["cross_entropy"]


class LogitAdjusted(Strict):
    """Cross-entropy of scores to which the log of the class's share is added in training."""

    kind: Literal["logit_adjusted"]
    tau: NonNegative = Field(description="factor of the log prior; 1 is Balanced Softmax")


class Focal(Strict):
    kind: Literal["focal"]
    gamma: NonNegative = Field(description="0, or at least 1: between, the gradient has no limit")

    @field_validator("gamma")
    @classmethod
    def _has_a_gradient(cls, gamma: float) -> float:
        if 0 < gamma < 1:
            raise ValueError(f"must be 0 or at least 1, but it is {gamma:g}. Write one of these.")
        return gamma


class Ldam(Strict):
    kind: Literal["ldam"]
    scale: Positive
    max_margin: Positive


class NoReweighting(Strict):
    kind: Literal["none"]


class InverseFrequency(Strict):
    kind: Literal["inverse_frequency"]


class EffectiveNumber(Strict):
    kind: Literal["effective_number"]
    beta: BelowOne
    start: Share = Field(description="share of the epochs before the weights apply (DRW)")


class Classifying(Supervised):
    """What every training of a classifier by a loss on its scores has."""

    framework = "classifier"

    loss: Annotated[CrossEntropy | LogitAdjusted | Focal | Ldam, Field(discriminator="kind")]
    reweight: Annotated[
        NoReweighting | InverseFrequency | EffectiveNumber, Field(discriminator="kind")
    ]
    batch_norm: Literal["frozen", "adapts"] = Field(
        default="frozen",
        description="of a frozen backbone: its statistics stay, or go on with those of the "
        "batches, by which it then works in training",
    )

    @property
    def head_kind(self) -> HeadName:
        """LDAM's is on the unit sphere."""
        return "cosine" if isinstance(self.loss, Ldam) else "linear"

    @property
    def score_scale(self) -> float:
        """LDAM's, of its cosines."""
        return self.loss.scale if isinstance(self.loss, Ldam) else 1.0


class Settings(Classifying):
    """Training of a classifier: on frozen features (finetune) or end to end (train)."""

    stages = ("finetune", "train")
    distributed = True

    objective: Literal["classifier"]
