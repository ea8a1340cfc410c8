"""Accuracy in percent: over all images, by class, and by how many training images a class has.

Shapes: N test images, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def top1(scores_NC: Tensor, labels_N: Tensor) -> float:
    """Return the share of images whose highest score is their class's."""
    hits = (scores_NC.argmax(dim=1) == labels_N).sum()
    return 100 * float(hits) / len(labels_N)


def per_class_accuracy(predictions_N: Tensor, labels_N: Tensor, classes: int) -> Tensor:
    """Return each class's accuracy, float64 [C]; NaN for a class without a test image."""
    hits_N = (predictions_N == labels_N).long()
    counts_C = torch.bincount(labels_N, minlength=classes)
    hits_C = torch.zeros_like(counts_C).index_add_(0, labels_N, hits_N)
    return 100 * hits_C.double() / counts_C


def confusion(predictions_N: Tensor, labels_N: Tensor, classes: int) -> Tensor:
    """Return how many images of each class (row) are taken for each (column), int64 [C, C]."""
    pairs_N = labels_N * classes + predictions_N
    return torch.bincount(pairs_N, minlength=classes**2).view(classes, classes)


def shot_groups(counts_C: Tensor, many_above: int, few_below: int) -> dict[str, Tensor]:
    """Return the classes of each group, bool [C], by their training images.

    The thresholds are those of ImageNet-LT in most code: many > 100, few < 20, medium between.
    """
    many_C, few_C = counts_C > many_above, counts_C < few_below
    return {"many": many_C, "medium": ~(many_C | few_C), "few": few_C}


def summarise(
    scores_NC: Tensor, labels_N: Tensor, counts_C: Tensor, many_above: int, few_below: int
) -> dict[str, Any]:
    """Return every accuracy a table needs.

    Args:
        scores_NC: of the test images.
        labels_N: their classes.
        counts_C: training images of each class.
        many_above: threshold of the group "many".
        few_below: threshold of the group "few".

    Returns:
        accuracy (over images), many, medium, few (mean over the group's classes; None without
        one), group_mean (unweighted mean of the groups), group_sizes (classes), per_class.
    """
    classes_C = per_class_accuracy(scores_NC.argmax(dim=1), labels_N, len(counts_C))
    groups = shot_groups(counts_C, many_above, few_below)
    means = {
        name: float(classes_C[members_C].mean()) if members_C.any() else None
        for name, members_C in groups.items()
    }
    present = [mean for mean in means.values() if mean is not None]
    return {
        "accuracy": top1(scores_NC, labels_N),
        **means,
        "group_mean": sum(present) / len(present),
        "group_sizes": {name: int(members_C.sum()) for name, members_C in groups.items()},
        "per_class": tuple(classes_C.tolist()),
    }
