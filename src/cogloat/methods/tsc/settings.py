"""Settings of TSC (Li et al. 2022): KCL with targets, and how these are placed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import BelowOne, Count, NonNegative, Positive, Seed, Share, Strict
from cogloat.methods.moco.settings import MomentumContrast
from cogloat.methods.settings import FileAt, Need


class Targets(Strict):
    """TSC's term."""

    weight: NonNegative = Field(description="of the target beside one positive")
    start: Share = Field(description="share of the epochs before the targets take part")
    centroid_momentum: BelowOne = Field(description="share of a class's centroid a batch keeps")
    divisor: Literal["positives_and_target", "positives"] = Field(
        description="of both terms by positives + 1 (code), or of the positives' alone (paper)"
    )


class Settings(MomentumContrast):
    """Contrastive pre-training towards fixed targets."""

    objective: Literal["tsc"]
    targets: Targets

    @model_validator(mode="after")
    def _is_kcl_with_targets(self) -> Self:
        if self.negatives != "queue" or self.denominator != "shared":
            raise ValueError(
                "targets need negatives 'queue' and denominator 'shared', but they are "
                f"'{self.negatives}' and '{self.denominator}'. Write these two."
            )
        if self.positives.from_dataset:
            raise ValueError(
                f"targets need positives.from_dataset 0, not {self.positives.from_dataset}. "
                "Write 0."
            )
        return self

    @property
    def needs(self) -> Mapping[str, Need]:
        """The points of the classes."""
        return {"targets": FileAt(f"results/targets/{{classes}}x{self.projection[1]}.npy")}


class TargetPoints(Strict):
    """config/targets.yaml: how targets are optimised where no closed form exists."""

    temperature: Positive
    lr: Positive
    steps: Count
    seed: Seed
