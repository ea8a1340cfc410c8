"""How long a stage may take, estimated from its configuration; for what a job asks of a cluster."""

from __future__ import annotations

import math

from cogloat.config.dataset import Resources
from cogloat.data.longtail import class_counts
from cogloat.methods.settings import Supervised, Training
from cogloat.runs.collections import Runtime


def minutes(
    settings: Training,
    frozen: bool,
    factor: int,
    classes: int,
    resources: Resources,
    runtime: Runtime,
) -> int:
    """Return how many minutes a stage asks for: its start, and its estimate with a margin.

    Args:
        settings: of the stage.
        frozen: whether only a classifier on top of the network learns.
        factor: imbalance factor of the training set.
        classes: of the training set.
        resources: of the dataset.
        runtime: start and margin.
    """
    images = sum(class_counts(resources.largest_class, classes, factor))
    # the test set is passed once where the accuracy is followed
    tested = 1 / settings.evaluate_every if isinstance(settings, Supervised) else 0
    passes = settings.epochs * images * ((1 if frozen else settings.passes) + tested)
    seconds = passes / resources.images_per_second
    return math.ceil(runtime.start + runtime.margin * seconds / 60)
