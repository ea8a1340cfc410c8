"""Settings of the classifiers that Kang et al. 2020 learn apart from the backbone: cRT and LWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from cogloat.config.types import InitName, Name
from cogloat.methods.classifier.settings import Classifying
from cogloat.methods.settings import Need, WeightsOf


class Settings(Classifying):
    """A second training, of the classifier alone, from another run's weights."""

    framework = "decoupled"
    distributed = True

    objective: Literal["decoupled"]
    start: Name = Field(
        description="method whose run of the same data and seed has the backbone and a linear "
        "classifier"
    )
    learns: Literal["classifier", "scales"] = Field(
        description="a new classifier (cRT), or a factor for each class's score (LWS)"
    )

    @property
    def needs(self) -> Mapping[str, Need]:
        """The weights of the run that it starts from."""
        return {"start": WeightsOf(self.start, head="linear")}

    @property
    def head_init(self) -> InitName:
        """PyTorch's own, as in the official code."""
        return "torch"

    @property
    def passes(self) -> float:
        """Without gradient."""
        return 1
