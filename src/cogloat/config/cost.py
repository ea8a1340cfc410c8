"""How long a stage may take, estimated from its configuration; for what a job asks of a cluster."""

from __future__ import annotations

import math

from cogloat.config import schema
from cogloat.config.workflow import Runtime
from cogloat.data.longtail import class_counts

GRADIENT = 3  # forward and backward, in forward passes


def forward_passes(settings: schema.Settings, frozen: bool) -> float:
    """Return the work on one training image in one epoch, in forward passes of the network.

    Args:
        settings: of the stage.
        frozen: whether only a classifier on top of the network learns.
    """
    match settings:
        case schema.Prototypical():
            second_view = GRADIENT if settings.prototypes.query_views == 2 else 0
            return GRADIENT + 1 + settings.positives.from_dataset + second_view + 1
        case schema.Contrastive() | schema.Targeted():
            return GRADIENT + 1 + settings.positives.from_dataset
        case schema.Parametric():
            return GRADIENT + 1
        case schema.Balanced():
            return 3 * GRADIENT
        case schema.Translating():
            made = settings.translation
            return GRADIENT * (1 + (1 - made.start) * made.steps)
        case schema.Classification():
            return 1 if frozen else GRADIENT


def minutes(
    settings: schema.Settings,
    frozen: bool,
    factor: int,
    classes: int,
    resources: schema.Resources,
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
    tested = 1 / settings.evaluate_every if isinstance(settings, schema.Supervised) else 0
    passes = settings.epochs * images * (forward_passes(settings, frozen) + tested)
    seconds = passes / resources.images_per_second
    return math.ceil(runtime.start + runtime.margin * seconds / 60)
