"""metrics.json: what the classifier of a run is worth. Imports no torch."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from cogloat.results.reading import Count, Name, OfRun, Percent

GROUPS = ("many", "medium", "few")  # of classes, by how many training images they have


class Metrics(OfRun):
    """Accuracies in percent on the whole test set, after the last epoch unless they say otherwise.

    Attributes:
        epochs: stage -> how many.
        augmentations: stage -> the recipes of its views.
        accuracy: over images.
        many: mean over the classes with many training images; None without one.
        medium: likewise.
        few: likewise.
        group_mean: unweighted mean of the groups that there are.
        group_sizes: classes of each group.
        classes: their names, by label.
        per_class: by label.
        history_accuracy: that the history of the last stage ends with.
        judged_by: the images by whose accuracy the best epoch is chosen.
        validation_accuracy: that the history of the last stage ends with, if images are held out.
        best_accuracy: of the history, at the best epoch.
        best_epoch: the first with the highest accuracy on what it is judged by, from 1.
        class_counts: training images, by label.
    """

    FIX: ClassVar[str] = "Evaluate the run again"

    epochs: dict[str, Count]
    augmentations: dict[str, tuple[str, ...]]
    accuracy: Percent
    many: Percent | None
    medium: Percent | None
    few: Percent | None
    group_mean: Percent
    group_sizes: dict[str, int]
    classes: tuple[Name, ...]
    per_class: tuple[Percent, ...]
    history_accuracy: Percent
    judged_by: Literal["test", "validation"]
    validation_accuracy: Percent | None
    best_accuracy: Percent
    best_epoch: Count
    class_counts: tuple[Count, ...]

    @model_validator(mode="after")
    def _of_the_same_classes(self) -> Self:
        classes, sizes = len(self.classes), self.group_sizes
        if not classes == len(self.per_class) == len(self.class_counts):
            raise ValueError("classes, per_class and class_counts are not of equally many classes")
        if classes != len(set(self.classes)):
            raise ValueError("classes has a name twice")
        if sizes.keys() != set(GROUPS) or sum(sizes.values()) != classes:
            raise ValueError("group_sizes do not part the classes into many, medium and few")
        return self
