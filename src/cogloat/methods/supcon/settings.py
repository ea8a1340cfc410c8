"""Settings of contrast within the batch: SimCLR, SupCon, KCL and CoGloAT with one encoder."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import Natural, Strict
from cogloat.methods.moco.settings import Chosen, Contrastive
from cogloat.methods.settings import GRADIENT


class BatchPositives(Strict):
    """What counts as a positive of an anchor beside the other view of its image."""

    from_dataset: Natural = Field(
        description="k of eq. 1: same-class images drawn from the whole training set, for both "
        "views of an image together"
    )
    gradient: bool = Field(description="whether those of the whole set have one")
    from_batch: Chosen = Field(
        description="same-class views in the batch: so many, drawn for each anchor; all; or none"
    )


class BatchContrast(Contrastive):
    """What every contrastive pre-training within the batch has."""

    framework = "in-batch"
    distributed = True

    positives: BatchPositives

    @model_validator(mode="after")
    def _batch_has_the_positives(self) -> Self:
        wanted, others = self.positives.from_batch, 2 * self.batch_size - 2
        if isinstance(wanted, int) and wanted > others:
            raise ValueError(
                f"positives.from_batch ({wanted}) is more than the {others} views of other images "
                f"in a batch of {self.batch_size}. Write from_batch: all, or a smaller number."
            )
        return self

    @model_validator(mode="after")
    def _groups_are_of_whole_batches(self) -> Self:
        if self.groups > 1 and not self.drop_last:
            raise ValueError(
                f"groups ({self.groups}) hold both views of an image each, so that a last batch "
                "that is not whole has no equal ones. Write drop_last: true, or groups: 1."
            )
        return self

    @property
    def passes(self) -> float:
        """Two views with gradient, and the further positives with or without."""
        return 2 * GRADIENT + self.positives.from_dataset * (
            GRADIENT if self.positives.gradient else 1
        )


class Settings(BatchContrast):
    """Contrastive pre-training within the batch, without a further term."""

    objective: Literal["supcon"]
