"""What every objective shares that leaves an encoder by contrast: its images and their views."""

from __future__ import annotations

from torch import Tensor

from cogloat.data.augmentation import Augmentation
from cogloat.data.sampling import ClassIndex, epoch_order, global_positives
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.settings import Contrastive
from cogloat.methods.moco.temperature import class_temperatures
from cogloat.methods.objective import Recordable
from cogloat.randomness import generator
from cogloat.ranks import Part
from cogloat.results.history import Row


class ContrastiveObjective(Recordable):
    """Views of images, and of others of their classes; a subclass gives networks and loss."""

    def __init__(self, settings: Contrastive, inputs: Inputs) -> None:
        super().__init__()
        training = inputs.training
        self.size = len(training)
        self._training, self._seed = training, inputs.seed
        self._ranks, self._groups = inputs.ranks, settings.groups
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

    def _part(self, positions_B: Tensor) -> Part:
        """Return this rank's part of a batch."""
        return self._ranks.part(len(positions_B), self._groups)

    def _others(self, positions_B: Tensor, others: int, epoch: int, step: int) -> Tensor:
        """Draw so many other images of each one's class [B, others]."""
        draw = generator(self._seed, "positives", epoch, step)
        return global_positives(self._index, positions_B, others, draw)

    def _views(self, positions: Tensor, epoch: int, step: int) -> Tensor:
        """Augment images in one call [..., 3, H, W]."""
        draw = generator(self._seed, "augment", epoch, step, *self._ranks.apart)
        return self._augment(self._training.batch(positions), draw)

    def _weights(self, temperatures_B: Tensor) -> Tensor | None:
        """Return the factors of the anchors' losses, if there are some."""
        return None if self._loss_scale is None else temperatures_B / self._loss_scale
