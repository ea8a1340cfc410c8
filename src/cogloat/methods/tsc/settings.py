"""Settings of TSC (Li et al. 2022): KCL with targets, and how these are placed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from cogloat.config.types import BelowOne, Count, NonNegative, Positive, Seed, Share, Strict
from cogloat.methods.epochs import whole_epochs
from cogloat.methods.moco.settings import MomentumContrast
from cogloat.methods.settings import Cosine, FileAt, Need, Training


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

    steady = False

    objective: Literal["tsc"]
    targets: Targets

    @model_validator(mode="after")
    def _is_kcl_with_targets(self) -> Self:
        if self.negatives != "queue" or self.denominator != "shared":
            raise ValueError(
                "targets need negatives 'queue' and denominator 'shared', but they are "
                f"'{self.negatives}' and '{self.denominator}'. Write these two."
            )
        check_targets(self.targets, self, self.positives.from_dataset)
        return self

    @property
    def needs(self) -> Mapping[str, Need]:
        """The points of the classes."""
        return {"targets": points_file(self.projection[1])}


def check_targets(targets: Targets, training: Training, from_dataset: int) -> None:
    """Refuse targets beside positives of the whole set, or that begin within a cycle.

    Raises:
        ValueError: naming the keys.
    """
    if from_dataset:
        raise ValueError(f"targets need positives.from_dataset 0, not {from_dataset}. Write 0.")
    if not isinstance(training.schedule, Cosine):
        return
    epochs, cycles = training.epochs, training.schedule.cycles
    first = whole_epochs(targets.start, epochs)
    if first not in {whole_epochs(number / cycles, epochs) for number in range(cycles)}:
        raise ValueError(
            f"targets.start ({targets.start:g}) is epoch {first} of {epochs}, from 0, where "
            f"none of schedule.cycles ({cycles}) begins, and with it a fresh optimizer. Write "
            "start: 0.5 with cycles: 2, or another start with as many cycles as it needs."
        )


def points_file(dimension: int) -> FileAt:
    """Return the file of the targets of a run's classes."""
    return FileAt(f"results/targets/{{classes}}x{dimension}.npy")


class TargetPoints(Strict):
    """config/targets.yaml: how targets are optimised where no closed form exists."""

    temperature: Positive
    lr: Positive
    steps: Count
    seed: Seed
