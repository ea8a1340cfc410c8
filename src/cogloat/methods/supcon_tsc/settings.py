"""Settings of TSC within the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from cogloat.methods.settings import Need
from cogloat.methods.supcon.settings import BatchContrast
from cogloat.methods.tsc.settings import Targets, check_targets, points_file


class Settings(BatchContrast):
    """Contrastive pre-training within the batch, towards fixed targets."""

    steady = False

    objective: Literal["supcon_tsc"]
    targets: Targets

    @model_validator(mode="after")
    def _is_kcl_with_targets(self) -> Self:
        if self.denominator != "shared":
            raise ValueError(
                f"targets need denominator 'shared', but it is '{self.denominator}'. Write shared."
            )
        check_targets(self.targets, self, self.positives.from_dataset)
        return self

    @property
    def needs(self) -> Mapping[str, Need]:
        """The points of the classes."""
        return {"targets": points_file(self.projection[1])}
