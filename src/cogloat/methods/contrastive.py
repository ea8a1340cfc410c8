"""What every objective shares that leaves an encoder by contrast: its images and their views."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cogloat.data.augmentation import Augmentation
from cogloat.data.sampling import ClassIndex, epoch_order, global_positives
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.settings import Contrastive
from cogloat.methods.moco.temperature import class_temperatures
from cogloat.randomness import generator
from cogloat.results.history import Row


class ContrastiveObjective(nn.Module):
    """Views of images, and of others of their classes; a subclass gives networks and loss."""

    def __init__(self, settings: Contrastive, inputs: Inputs) -> None:
        super().__init__()
        training = inputs.training
        self.size = len(training)
        self._training, self._seed = training, inputs.seed
        self._index = ClassIndex(training.labels_N)
        self._augment = Augmentation.named(settings.augmentation, inputs.data)
        self._temperatures_C = class_temperatures(training.counts_C, settings.temperature)
        self._loss_scale = settings.loss_scale

    def order(self, epoch: int) -> Tensor:
        """Return a permutation of the images."""
        return epoch_order(self.size, generator(self._seed, "order", epoch))

    def start_epoch(self, epoch: int) -> None:
        """Nothing is constant within an epoch only."""

    def end_epoch(self, epoch: int) -> Row:
        """Nothing is measured but the loss."""
        return {}

    def _views(self, positions_B: Tensor, others: int, epoch: int, step: int) -> Tensor:
        """Draw so many other images of each one's class, and augment every view in one call.

        Returns:
            Images [(2 + others) B, 3, H, W]: a view of each image, another of each, then one of
            each of the others.
        """
        draw = generator(self._seed, "positives", epoch, step)
        chosen_BK = global_positives(self._index, positions_B, others, draw)
        positions = torch.cat([positions_B, positions_B, chosen_BK.T.reshape(-1)])
        draw = generator(self._seed, "augment", epoch, step)
        return self._augment(self._training.batch(positions), draw)

    def _weights(self, temperatures_B: Tensor) -> Tensor | None:
        """Return the factors of the anchors' losses, if there are some."""
        return None if self._loss_scale is None else temperatures_B / self._loss_scale
