"""What every objective shares that leaves a classifier: its network and its test accuracy."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import ImageSet
from cogloat.data.sampling import ClassIndex, class_aware_order, epoch_order
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Recordable
from cogloat.methods.settings import Supervised
from cogloat.models.inference import outputs
from cogloat.models.networks import Classifier, to_device
from cogloat.models.normalisation import grouped
from cogloat.randomness import generator
from cogloat.ranks import Part
from cogloat.results.history import Row


class Drawn(NamedTuple):
    """What a step draws, on the device.

    Attributes:
        images: augmented, of the rank's part of the batch.
        labels_B: classes of the whole batch.
    """

    images: Tensor
    labels_B: Tensor


class SupervisedObjective(Recordable):
    """A classifier whose accuracy is followed; a subclass gives the loss.

    Attributes:
        first_alone: whether running statistics are of the batch's first group, not of all.
        size: number of training images.
        classifier: backbone and head.
    """

    first_alone = False

    def __init__(self, settings: Supervised, inputs: Inputs) -> None:
        """Build the classifier, on the device.

        Args:
            settings: of the stage.
            inputs: without a test set or validation images, their accuracy is not measured.
        """
        super().__init__()
        data = inputs.data
        self.size = len(inputs.training)
        self.classifier = Classifier(
            *(inputs.backbone, data.classes, settings.head_kind),
            *(settings.init, settings.head_init),
            grouped(settings.groups, inputs.ranks, first_alone=self.first_alone),
            data.image_size,
        )
        to_device(self.classifier, inputs.device)
        self._supervised, self._data, self._seed = settings, data, inputs.seed
        self._training = inputs.training
        if settings.sampler == "class_aware":
            self._index = ClassIndex(inputs.training.labels_N)
        self._ranks, self._groups = inputs.ranks, settings.groups
        self._judges = {"validation": inputs.validation, "test": inputs.test}
        self._augment = Augmentation.named(settings.augmentation, data)

    def order(self, epoch: int) -> Tensor:
        """Return the positions of the epoch's images, by the settings' sampler."""
        if self._supervised.sampler == "instance":
            return epoch_order(self.size, generator(self._seed, "order", epoch))
        batch = self._supervised.batch_size
        used = self.size // batch * batch if self._supervised.drop_last else self.size
        return class_aware_order(self._index, epoch * used, used, self._seed)

    def start_epoch(self, epoch: int) -> None:
        """Nothing is constant within an epoch only."""

    def end_epoch(self, epoch: int) -> Row:
        """Measure the accuracies in percent, where they are due: validation's and the test's."""
        done = epoch + 1
        due = done % self._supervised.evaluate_every == 0 or done == self._supervised.epochs
        return {
            f"{name}_accuracy": self._accuracy(images) if due else None
            for name, images in self._judges.items()
            if images is not None
        }

    def weights(self) -> dict[str, Tensor]:
        """Return what evaluation needs: the classifier."""
        return self.classifier.state_dict()

    def _part(self, positions_B: Tensor) -> Part:
        """Return this rank's part of a batch."""
        return self._ranks.part(len(positions_B), self._groups)

    def _accuracy(self, images: ImageSet) -> float:
        """Return the accuracy on a set, of which each rank passes a part through the network."""
        part = self._ranks.part(len(images))
        positions_N = part.of(torch.arange(len(images)))
        own = accuracy(self._test_scores(images, positions_N), images.labels(positions_N))
        return float(self._ranks.total(self._ranks.share({"own": own}, part)["own"]))

    def _test_scores(self, images: ImageSet, positions_N: Tensor) -> Tensor:
        """Return the scores [N, C] of some images that are not trained on."""
        return outputs(self.classifier, images, self._data, positions_N)


def accuracy(scores_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Return the share of highest scores that are the right class's, in percent."""
    return 100 * (scores_BC.argmax(dim=1) == labels_B).double().mean()
