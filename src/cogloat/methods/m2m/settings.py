"""Settings of M2m (Kim et al. 2020), images of minor classes from those of major ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from cogloat.config.types import Count, Fraction, Name, NonNegative, Positive, Share, Strict
from cogloat.methods.classifier.settings import Classifying
from cogloat.methods.settings import GRADIENT, Need, WeightsOf


class Synthesis(Strict):
    """How images of rare classes are made from frequent ones'."""

    guide: Name = Field(description="method whose run of the same data and seed is g")
    start: Share = Field(description="share of the epochs before images are translated")
    beta: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="a seed that has n more images is accepted with probability 1 - beta^n"
    )
    seed_weight: NonNegative = Field(description="lambda, of the seed class's score")
    confidence: Fraction = Field(description="gamma, probability of the target that g must give")
    steps: Count
    step_size: Positive = Field(description="length of one step, pixels in 0..1")
    noise: NonNegative = Field(description="largest norm of the noise that a seed starts with")
    noise_norm: Literal["batch", "image"] = Field(
        description="taken over a channel of the batch (code), or over each image"
    )


class Settings(Classifying):
    """Training of a classifier with images made from the major classes'."""

    steady = False

    objective: Literal["m2m"]
    synthesis: Synthesis

    @property
    def needs(self) -> Mapping[str, Need]:
        """g, linear: a cosine's bounded scores could never reach `confidence`."""
        return {"guide": WeightsOf(self.synthesis.guide, head="linear")}

    @property
    def passes(self) -> float:
        """Once images are made, each step on them is a pass with gradient."""
        made = self.synthesis
        return GRADIENT * (1 + (1 - made.start) * made.steps)
