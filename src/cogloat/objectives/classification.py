"""Classification, end to end or on a frozen backbone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.config.schema import Classify, Data, EffectiveNumber, InverseFrequency, Ldam
from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import ImageSet
from cogloat.losses.classification import (
    effective_number_weights,
    inverse_frequency_weights,
    ldam_loss,
    ldam_margins,
)
from cogloat.randomness import generator
from cogloat.training.inference import outputs
from cogloat.training.loop import Row
from cogloat.training.networks import Classifier


class Classification(nn.Module):
    """A classifier, its loss and its test accuracy.

    The classes' weights, the margins and the schedule of both follow Cao et al. 2019.
    """

    def __init__(
        self,
        classifier: Classifier,
        settings: Classify,
        data: Data,
        training: ImageSet,
        test: ImageSet | None,
        seed: int,
        *,
        frozen: bool,
    ) -> None:
        """Take a classifier that is on its device already.

        Args:
            classifier: the network.
            settings: loss, weights and how often to evaluate.
            data: statistics and augmentation.
            training: the long-tailed set.
            test: the test set, or None to measure no test accuracy.
            seed: of the augmentation.
            frozen: whether the backbone stays as it is, batch-norm statistics included.
        """
        super().__init__()
        self.size = len(training)
        self.classifier = classifier
        self._settings, self._data, self._seed, self._frozen = settings, data, seed, frozen
        self._training, self._test = training, test
        self._augment = Augmentation(data.augmentation, data.mean, data.std, data.image_size)
        self._weights_C = _class_weights(settings, training.counts_C)
        if isinstance(settings.loss, Ldam):
            self._margins_C = ldam_margins(training.counts_C, settings.loss.max_margin)
        self._test_features: Tensor | None = None
        if frozen:
            classifier.backbone.requires_grad_(False)

    def train(self, mode: bool = True) -> Classification:
        """Set training mode, except for a frozen backbone."""
        super().train(mode)
        if self._frozen:
            self.classifier.backbone.eval()
        return self

    def start_epoch(self, epoch: int) -> None:
        """Nothing is constant within an epoch only."""

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss and its accuracy in percent."""
        draw = generator(positions_B.device, self._seed, "augment", epoch, step)
        images = self._augment(self._training.batch(positions_B), draw)
        labels_B = self._training.labels_N[positions_B]
        scores_BC = self.classifier(images)
        return {
            "loss": self._criterion(scores_BC, labels_B, epoch),
            "train_accuracy": _accuracy(scores_BC.detach(), labels_B),
        }

    def end_epoch(self, epoch: int) -> Row:
        """Measure the test accuracy in percent, where it is due."""
        if self._test is None:
            return {}
        due = (epoch + 1) % self._settings.evaluate_every == 0
        if not due and epoch + 1 != self._settings.epochs:
            return {"test_accuracy": None}
        self.eval()
        return {
            "test_accuracy": float(_accuracy(self._test_scores(self._test), self._test.labels_N))
        }

    def _criterion(self, scores_BC: Tensor, labels_B: Tensor, epoch: int) -> Tensor:
        loss, reweight = self._settings.loss, self._settings.reweight
        deferred = isinstance(reweight, EffectiveNumber) and (
            epoch < round(reweight.start * self._settings.epochs)
        )
        weights_C = None if deferred else self._weights_C
        scores_BC = scores_BC.float()
        if isinstance(loss, Ldam):
            return ldam_loss(scores_BC, labels_B, self._margins_C, loss.scale, weights_C)
        return F.cross_entropy(scores_BC, labels_B, weights_C)

    def _test_scores(self, test: ImageSet) -> Tensor:
        """Return the test scores [N, C]; a frozen backbone's features are computed once."""
        if not self._frozen:
            return outputs(self.classifier, test, self._data)
        if self._test_features is None:
            self._test_features = outputs(self.classifier.backbone, test, self._data)
        with torch.no_grad():
            return self.classifier.head(self._test_features)


def _accuracy(scores_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Return the share of highest scores that are the right class's, in percent."""
    return 100 * (scores_BC.argmax(dim=1) == labels_B).double().mean()


def _class_weights(settings: Classify, counts_C: Tensor) -> Tensor | None:
    match settings.reweight:
        case InverseFrequency():
            return inverse_frequency_weights(counts_C)
        case EffectiveNumber(beta=beta):
            return effective_number_weights(counts_C, beta)
    return None


build = Classification
