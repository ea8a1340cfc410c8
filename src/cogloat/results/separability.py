"""separability<number>.json: how well a run's rarest classes come apart. Imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from cogloat.results.reading import Count, OfRun, Percent


class Separability(OfRun):
    """Of the projections of test images, as `cogloat.evaluation.separability` defines it.

    Attributes:
        labels: of the classes, the rarest first.
        images: of these classes.
        silhouette: their mean, from -1 to 1.
        knn_accuracy: percent of them that their neighbours vote for.
    """

    FIX: ClassVar[str] = "Measure the run again"

    labels: tuple[int, ...]
    images: Count
    silhouette: Annotated[float, Field(ge=-1, le=1)]
    knn_accuracy: Percent
