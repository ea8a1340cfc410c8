"""Settings of the classifiers that Kang et al. 2020 learn apart from the backbone: cRT and LWS."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cogloat.config.types import InitName
from cogloat.methods.classifier.settings import Classifying
from cogloat.methods.settings import FromRun


class Settings(FromRun, Classifying):
    """A second training, of the classifier alone, from another run's weights."""

    framework = "decoupled"
    distributed = True

    objective: Literal["decoupled"]
    learns: Literal["classifier", "scales"] = Field(
        description="a new classifier (cRT), or a factor for each class's score (LWS)"
    )

    @property
    def head_init(self) -> InitName:
        """PyTorch's own, as in the official code."""
        return "torch"

    @property
    def passes(self) -> float:
        """Without gradient."""
        return 1
