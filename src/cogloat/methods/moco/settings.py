"""Settings of contrast in a momentum pair: KCL, CoGloAT and what lies between them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from cogloat.config.types import BelowOne, Count, Natural, Positive, Strict
from cogloat.methods.settings import GRADIENT, Training, check_queue


class ConstantTemperature(Strict):
    kind: Literal["constant"]
    value: Positive


class AdaptiveTemperature(Strict):
    kind: Literal["adaptive"]
    gamma: Positive = Field(
        description="that a class without images would have; eq. 8's only free parameter"
    )
    head: Positive = Field(default=1.0, description="that of the largest class; 1 in eq. 8")
    base: Positive = Field(default=1.0, description="a factor of every class's; 1 in eq. 8")

    @model_validator(mode="after")
    def _is_highest_at_the_head(self) -> Self:
        if self.gamma > self.head:
            raise ValueError(
                f"gamma ({self.gamma:g}) is more than head ({self.head:g}), so that rare classes "
                f"would have the higher temperatures. Write a gamma of at most {self.head:g}."
            )
        return self


def _refuse_zero(value: Any) -> Any:
    """Refuse what is none here and all in TSC's CIFAR code."""
    if value == 0 and value is not False:
        raise ValueError(
            "0 is none here, but every same-class key in TSC's CIFAR code (its k of 0). Write none "
            "or all."
        )
    return value


Chosen = Annotated[Count | Literal["all", "none"], BeforeValidator(_refuse_zero)]


class Positives(Strict):
    from_dataset: Natural = Field(
        description="k of eq. 1: same-class images drawn from the whole training set"
    )
    from_queue: Chosen = Field(
        description="same-class queue entries that count as positives: so many, drawn for each "
        "anchor; all, which is what k 0 means in TSC's CIFAR code; or none"
    )


class Contrastive(Training):
    """What every contrastive pre-training has."""

    stages = ("pretrain",)

    projection: tuple[Natural, Count] = Field(
        description="widths of the head: hidden, output; with a hidden width of 0 it is linear"
    )
    denominator: Literal["separate", "shared"] = Field(
        description="separate: each positive competes with the negatives alone (eq. 1)"
    )
    temperature: Annotated[ConstantTemperature | AdaptiveTemperature, Field(discriminator="kind")]
    loss_scale: Positive | None = Field(
        default=None,
        description="an anchor's contrastive loss is multiplied by its temperature over this "
        "number (SupCon's T / T_base); null: it is not",
    )


class MomentumContrast(Contrastive):
    """What every contrastive pre-training of a momentum pair has."""

    framework = "MoCo"
    distributed = True

    key_momentum: BelowOne
    queue: Count = Field(description="number of keys kept; a multiple of the batch size")
    queue_prefill: bool = Field(
        description="fill the queue by passes over the data before the first step"
    )
    negatives: Literal["queue", "batch", "both"]
    positives: Positives
    joint_views: bool = Field(
        description="one forward pass for all views of the batch, which share batch-norm "
        "statistics, in each group of images"
    )

    @model_validator(mode="after")
    def _queue_holds_whole_batches(self) -> Self:
        check_queue(self.queue, self.batch_size, drop_last=self.drop_last)
        return self

    @model_validator(mode="after")
    def _queue_has_the_positives(self) -> Self:
        wanted = self.positives.from_queue
        if wanted != "none" and self.negatives == "batch":
            raise ValueError(
                "positives.from_queue needs negatives 'queue' or 'both', but they are 'batch'. "
                "Write one of these, or from_queue: none."
            )
        if isinstance(wanted, int) and wanted > self.queue:
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
