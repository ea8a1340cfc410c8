"""Settings of GPaCo (Cui et al. 2023), generalised parametric contrastive learning."""

from __future__ import annotations

from typing import Literal

from cogloat.methods.paco.settings import Paco
from cogloat.methods.settings import GRADIENT


class Settings(Paco):
    """A classifier beside two views of one network, in one softmax."""

    framework = "GPaCo"
    distributed = True

    objective: Literal["gpaco"]

    @property
    def passes(self) -> float:
        """Both views with gradient."""
        return 2 * GRADIENT
