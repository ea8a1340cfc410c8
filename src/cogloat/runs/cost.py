"""How long a stage may take, estimated from its configuration; for what a job asks of a cluster."""

from __future__ import annotations

import math
from pathlib import Path

from cogloat.config.dataset import Dataset, Resources
from cogloat.data.longtail import class_counts
from cogloat.imbalance import NATURAL, Factor, ratio
from cogloat.methods.settings import Supervised, Training
from cogloat.runs.collections import Runtime


def training_images(split: Path, factor: Factor, dataset: Dataset) -> int:
    """Return how many images a training set has, or may have before it is drawn.

    Args:
        split: the file of the training set; if it is there, its lines are counted.
        factor: how the set is long-tailed.
        dataset: states the images of the largest class.
    """
    if split.is_file():
        return max(split.read_bytes().count(b"\n") - 1, 1)
    largest = dataset.resources.largest_class
    if factor == NATURAL:
        return largest * dataset.classes
    return sum(class_counts(max(largest, ratio(factor) or 1), dataset.classes, factor))


def minutes(
    settings: Training, frozen: bool, images: int, resources: Resources, runtime: Runtime
) -> int:
    """Return how many minutes a stage asks for: its start, and its estimate with a margin.

    Args:
        settings: of the stage.
        frozen: whether only a classifier on top of the network learns.
        images: of the training set.
        resources: of the dataset.
        runtime: start and margin.
    """
    # the test set is passed once where the accuracy is followed
    tested = 1 / settings.evaluate_every if isinstance(settings, Supervised) else 0
    passes = settings.epochs * images * ((1 if frozen else settings.passes) + tested)
    seconds = passes / resources.images_per_second
    return math.ceil(runtime.start + runtime.margin * seconds / 60)
