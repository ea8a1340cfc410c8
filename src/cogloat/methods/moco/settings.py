"""Settings of contrast in a momentum pair: KCL, CoGloAT and what lies between them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import BelowOne, Count, Natural, Positive, Strict
from cogloat.methods.settings import GRADIENT, Training, check_queue


class ConstantTemperature(Strict):
    kind: Literal["constant"]
    value: Positive


class AdaptiveTemperature(Strict):
    kind: Literal["adaptive"]
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(description="eq. 8's only free parameter")


class Positives(Strict):
    from_dataset: Natural = Field(
        description="k of eq. 1: same-class images drawn from the whole training set"
    )
    from_queue: Natural | Literal["all"] = Field(
        description="same-class queue entries that count as positives"
    )


class MomentumContrast(Training):
    """What every contrastive pre-training of a momentum pair has."""

    stages = ("pretrain",)
    framework = "MoCo"

    projection: tuple[Count, Count] = Field(description="widths of the head: hidden, output")
    key_momentum: BelowOne
    queue: Count = Field(description="number of keys kept; a multiple of the batch size")
    queue_prefill: bool = Field(
        description="fill the queue by passes over the data before the first step"
    )
    negatives: Literal["queue", "batch", "both"]
    positives: Positives
    denominator: Literal["separate", "shared"] = Field(
        description="separate: each positive competes with the negatives alone (eq. 1)"
    )
    temperature: Annotated[ConstantTemperature | AdaptiveTemperature, Field(discriminator="kind")]
    joint_views: bool = Field(
        description="one forward pass, and one set of batch-norm statistics, for all views"
    )
    batch_norm_splits: Count = Field(description="groups with batch-norm statistics of their own")

    @model_validator(mode="after")
    def _queue_holds_whole_batches(self) -> Self:
        check_queue(self.queue, self.batch_size, drop_last=self.drop_last)
        if self.batch_size % self.batch_norm_splits:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of "
                f"batch_norm_splits ({self.batch_norm_splits}). Write a divisor, such as 1."
            )
        return self

    @model_validator(mode="after")
    def _queue_has_the_positives(self) -> Self:
        wanted = self.positives.from_queue
        if wanted != 0 and self.negatives == "batch":
            raise ValueError(
                "positives.from_queue needs negatives 'queue' or 'both', but they are 'batch'. "
                "Write one of these, or from_queue: 0."
            )
        if wanted != "all" and wanted > self.queue:
            raise ValueError(
                f"positives.from_queue ({wanted}) is more than queue ({self.queue}). "
                "Write from_queue: all, or a smaller number."
            )
        return self

    @property
    def passes(self) -> float:
        """The query with gradient, its own key and the further positives without."""
        return GRADIENT + 1 + self.positives.from_dataset


class Settings(MomentumContrast):
    """Contrastive pre-training without a further term."""

    objective: Literal["moco"]
