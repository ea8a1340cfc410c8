"""How a batch becomes a loss: one module a training objective, each with `build`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from cogloat.config.schema import RunConfig
from cogloat.data.imageset import ImageSet


@dataclass(frozen=True)
class Materials:
    """What an objective is built from; each takes what it needs.

    Attributes:
        config: the stage's configuration.
        training: the long-tailed set.
        device: where networks and images are.
        test: the test set, for stages that leave a classifier.
        encoder: weights of the encoder that a finetune stage begins with.
        coreset: the images behind ProCo's prototypes.
        targets: points for TSC's classes.
        generator: weights of M2m's g, a classifier.
    """

    config: RunConfig
    training: ImageSet
    device: torch.device
    test: ImageSet | None = None
    encoder: Path | None = None
    coreset: ImageSet | None = None
    targets: Path | None = None
    generator: Path | None = None
