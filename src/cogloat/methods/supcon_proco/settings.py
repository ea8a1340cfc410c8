"""Settings of contrast within the batch with the ProCo term (section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from cogloat.methods.proco.settings import Prototypes
from cogloat.methods.settings import CoresetOf, Need
from cogloat.methods.supcon.settings import BatchContrast


class Settings(BatchContrast):
    """Contrastive pre-training within the batch, with the ProCo term."""

    objective: Literal["supcon_proco"]
    prototypes: Prototypes

    @property
    def needs(self) -> Mapping[str, Need]:
        """The coreset behind the prototypes."""
        return {"coreset": CoresetOf(self.prototypes.coreset)}

    @property
    def passes(self) -> float:
        """The coreset costs at most one pass."""
        return super().passes + 1
