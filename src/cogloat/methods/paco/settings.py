"""Settings of PaCo (Cui et al. 2021), parametric contrastive learning."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import BelowOne, Count, Fraction, InitName, Name, Positive
from cogloat.methods.settings import GRADIENT, Supervised, check_queue


class Paco(Supervised):
    """What PaCo and GPaCo have: a classifier beside two views, in one softmax."""

    key_augmentation: Name = Field(description="the key's; `augmentation` is the query's")
    projection: tuple[Count, Count] = Field(description="widths of the head: hidden, output")
    queue: Count = Field(description="number of keys kept; a multiple of the batch size")
    queue_labels: Literal["random", "none"] = Field(
        description="classes of the entries that no key has replaced yet (code: random)"
    )
    alpha: Fraction = Field(description="weight of one pair beside the class's")
    temperature: Positive

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The query's and the key's."""
        return (self.augmentation, self.key_augmentation)

    @property
    def head_init(self) -> InitName:
        """PyTorch's own beside any backbone, as in the official code."""
        return "torch"

    @model_validator(mode="after")
    def _queue_holds_whole_batches(self) -> Self:
        check_queue(self.queue, self.batch_size, drop_last=self.drop_last)
        return self


class Settings(Paco):
    """A classifier beside a momentum pair, in one softmax."""

    framework = "PaCo"
    distributed = True

    objective: Literal["paco"]
    key_momentum: BelowOne

    @property
    def passes(self) -> float:
        """The query with gradient, the key without."""
        return GRADIENT + 1
