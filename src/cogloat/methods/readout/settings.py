"""Settings of the classifiers that Kang et al. 2020 compute from a trained network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cogloat.config.types import Distinct, NonNegative, Strict
from cogloat.methods.settings import Computed


class TauNormalised(Strict):
    """The run's class vectors, each divided by a power of its norm, without their biases."""

    kind: Literal["tau_normalised"]
    taus: Distinct[NonNegative] = Field(
        description="powers that are tried; the one that is best on the images by which the best "
        "epoch of a training would be chosen is kept"
    )


class NearestMean(Strict):
    """The class whose mean of the training images' features is the nearest.

    Features are centred by the mean of all and of unit norm before means are taken.
    """

    kind: Literal["nearest_mean"]


class Settings(Computed):
    """A classifier computed from another run's weights."""

    objective: Literal["readout"]
    classifier: Annotated[TauNormalised | NearestMean, Field(discriminator="kind")]

    @property
    def head_kind(self) -> Literal["linear", "nearest_mean"]:
        """As the settings say."""
        return "nearest_mean" if isinstance(self.classifier, NearestMean) else "linear"
