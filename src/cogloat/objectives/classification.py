"""Classification by a loss on the scores, end to end or on a frozen backbone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.config.schema import (
    Classifying,
    CrossEntropy,
    Data,
    EffectiveNumber,
    Focal,
    InverseFrequency,
    Ldam,
    LogitAdjusted,
)
from cogloat.data.imageset import ImageSet
from cogloat.losses.classification import (
    effective_number_weights,
    focal_loss,
    inverse_frequency_weights,
    ldam_loss,
    ldam_margins,
    log_prior,
)
from cogloat.objectives import Materials
from cogloat.objectives.supervised import SupervisedObjective, accuracy
from cogloat.randomness import generator
from cogloat.training.checkpoint import load_weights
from cogloat.training.inference import outputs
from cogloat.training.networks import Classifier, build_classifier, to_device


class Classification(SupervisedObjective):
    """A classifier and a loss on its scores.

    The classes' weights, the margins and the schedule of both follow Cao et al. 2019.
    """

    def __init__(
        self,
        classifier: Classifier,
        settings: Classifying,
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
            data: statistics and augmentations.
            training: the long-tailed set.
            test: the test set, or None to measure no test accuracy.
            seed: of every draw.
            frozen: whether the backbone stays as it is, batch-norm statistics included.
        """
        super().__init__(classifier, settings, data, training, test, seed)
        self._settings, self._frozen = settings, frozen
        self._weights_C = _class_weights(settings, training.counts_C)
        if isinstance(settings.loss, Ldam):
            self._margins_C = ldam_margins(training.counts_C, settings.loss.max_margin)
        if isinstance(settings.loss, LogitAdjusted):
            self._offsets_C = settings.loss.tau * log_prior(training.counts_C)
        self._test_features: Tensor | None = None
        if frozen:
            classifier.backbone.requires_grad_(False)

    def train(self, mode: bool = True) -> Classification:
        """Set training mode, except for a frozen backbone."""
        super().train(mode)
        if self._frozen:
            self.classifier.backbone.eval()
        return self

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss and its accuracy in percent."""
        draw = generator(positions_B.device, self._seed, "augment", epoch, step)
        images = self._augment(self._training.batch(positions_B), draw)
        return self._learn(images, self._training.labels_N[positions_B], epoch)

    def _learn(self, images: Tensor, labels_B: Tensor, epoch: int) -> dict[str, Tensor]:
        scores_BC = self.classifier(images)
        return {
            "loss": self._criterion(scores_BC, labels_B, epoch),
            "train_accuracy": accuracy(scores_BC.detach(), labels_B),
        }

    def _criterion(self, scores_BC: Tensor, labels_B: Tensor, epoch: int) -> Tensor:
        reweight = self._settings.reweight
        deferred = isinstance(reweight, EffectiveNumber) and (
            epoch < round(reweight.start * self._settings.epochs)
        )
        weights_C = None if deferred else self._weights_C
        scores_BC = scores_BC.float()
        match self._settings.loss:
            case Ldam(scale=scale):
                return ldam_loss(scores_BC, labels_B, self._margins_C, scale, weights_C)
            case Focal(gamma=gamma):
                return focal_loss(scores_BC, labels_B, gamma, weights_C)
            case LogitAdjusted():
                return F.cross_entropy(scores_BC + self._offsets_C, labels_B, weights_C)
            case CrossEntropy():
                return F.cross_entropy(scores_BC, labels_B, weights_C)

    def _test_scores(self, test: ImageSet) -> Tensor:
        """Return the test scores [N, C]; a frozen backbone's features are computed once."""
        if not self._frozen:
            return super()._test_scores(test)
        if self._test_features is None:
            self._test_features = outputs(self.classifier.backbone, test, self._data)
        with torch.no_grad():
            return self.classifier.head(self._test_features)


def _class_weights(settings: Classifying, counts_C: Tensor) -> Tensor | None:
    match settings.reweight:
        case InverseFrequency():
            return inverse_frequency_weights(counts_C)
        case EffectiveNumber(beta=beta):
            return effective_number_weights(counts_C, beta)
    return None


def build(materials: Materials) -> Classification:
    """Return the objective; with an encoder to begin with, its backbone is kept and frozen."""
    config = materials.config
    assert isinstance(config.settings, Classifying)
    classifier = build_classifier(config)
    if materials.encoder is not None:
        load_weights(classifier.backbone, materials.encoder, prefix="backbone.")
    to_device(classifier, materials.device)
    return Classification(
        classifier,
        config.settings,
        config.data,
        materials.training,
        materials.test,
        config.seed,
        frozen=materials.encoder is not None,
    )
