"""Settings of contrast with the ProCo term (section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from cogloat.config.types import Fraction, Name, Positive, Strict
from cogloat.methods.moco.settings import MomentumContrast
from cogloat.methods.settings import GRADIENT, CoresetOf, Need


class Prototypes(Strict):
    """The ProCo term."""

    alpha: Fraction = Field(
        description="weight of the contrastive term; the ProCo term has 1-alpha"
    )
    coreset: Name = Field(description="name of a file in config/coresets")
    temperature: Positive
    query_views: Literal[1, 2] = Field(description="views of the query that meet the prototypes")


class Settings(MomentumContrast):
    """Contrastive pre-training with the ProCo term."""

    objective: Literal["proco"]
    prototypes: Prototypes

    @property
    def needs(self) -> Mapping[str, Need]:
        """The coreset behind the prototypes."""
        return {"coreset": CoresetOf(self.prototypes.coreset)}

    @property
    def passes(self) -> float:
        """A second view of the query has a gradient too; the coreset costs at most one pass."""
        return super().passes + GRADIENT * (self.prototypes.query_views - 1) + 1
