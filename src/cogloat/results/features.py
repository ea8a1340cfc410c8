"""features.json: how the feature spaces of a run are shaped. Imports no torch."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeFloat

from cogloat.results.reading import Artefact, OfRun


class Measures(Artefact):
    """Of one space on one set of images, as `cogloat.evaluation.features` defines them.

    Attributes:
        improved_inter: None where no class has a spread.
        variance_spread: of the classes' variances, over their mean; None where that is 0.
        inter_spread: of the distances of every two centres, likewise.
    """

    intra_ordered: NonNegativeFloat
    intra_unordered: NonNegativeFloat
    variance: NonNegativeFloat
    inter: NonNegativeFloat
    improved_inter: NonNegativeFloat | None
    variance_spread: NonNegativeFloat | None
    inter_spread: NonNegativeFloat | None


class Spaces(Artefact):
    """Of both spaces on one set of images."""

    projection: Measures
    backbone: Measures


class Features(OfRun):
    """Of the long-tailed set and of the test set."""

    FIX: ClassVar[str] = "Measure the run again"

    train: Spaces
    test: Spaces
