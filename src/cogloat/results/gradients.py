"""gradients.json: what draws the embeddings of each class in training. Imports no torch."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import NonNegativeFloat, model_validator

from cogloat.results.metrics import GROUPS
from cogloat.results.reading import Count, Name, OfRun

PARTS = ("total", "positive", "negative", "false_negative", "true_negative")


class Gradients(OfRun):
    """By label, means over a class's training images, each once an anchor.

    Attributes:
        classes: their names.
        class_counts: training images.
        groups: many, medium or few, by how many training images they have.
        total: norm of the gradient of an anchor's loss in its embedding (eq. 2 and 5).
        positive: norm of its part along positives, times the temperature (eq. 3).
        negative: likewise along negatives (eq. 4 and 6).
        false_negative: likewise along negatives of the same class (eq. 7).
        true_negative: likewise along negatives of other classes (eq. 7).
        temperature: of the anchors.
    """

    FIX: ClassVar[str] = "Measure the run again"

    classes: tuple[Name, ...]
    class_counts: tuple[Count, ...]
    groups: tuple[Name, ...]
    total: tuple[NonNegativeFloat, ...]
    positive: tuple[NonNegativeFloat, ...]
    negative: tuple[NonNegativeFloat, ...]
    false_negative: tuple[NonNegativeFloat, ...]
    true_negative: tuple[NonNegativeFloat, ...]
    temperature: tuple[NonNegativeFloat, ...]

    @model_validator(mode="after")
    def _of_the_same_classes(self) -> Self:
        for name in ("class_counts", "groups", *PARTS, "temperature"):
            if len(getattr(self, name)) != len(self.classes):
                raise ValueError(f"{name} is not of {len(self.classes)} classes, as the names are")
        if not set(self.groups) <= set(GROUPS):
            raise ValueError(f"groups has others than {', '.join(GROUPS)}")
        return self
