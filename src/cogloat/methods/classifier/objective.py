"""Classification by a loss on the scores, end to end or on a frozen backbone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.checkpoint import load_weights
from cogloat.data.imageset import ImageSet
from cogloat.methods.classifier.loss import (
    effective_number_weights,
    focal_loss,
    inverse_frequency_weights,
    ldam_loss,
    ldam_margins,
    log_prior,
)
from cogloat.methods.classifier.settings import (
    Classifying,
    CrossEntropy,
    EffectiveNumber,
    Focal,
    InverseFrequency,
    Ldam,
    LogitAdjusted,
    Settings,
)
from cogloat.methods.epochs import whole_epochs
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supervised import SupervisedObjective, accuracy
from cogloat.models.inference import outputs
from cogloat.randomness import generator


class Classification(SupervisedObjective):
    """A classifier and a loss on its scores.

    The classes' weights, the margins and the schedule of both follow Cao et al. 2019.
    """

    def __init__(self, settings: Classifying, inputs: Inputs) -> None:
        """Build the classifier.

        An `encoder`, or another run to `start` from, among the inputs' files gives the backbone,
        whose weights then stay as they are; its batch-norm statistics do as the settings say.

        Raises:
            UserError: if the file is missing, damaged, or another network's.
        """
        super().__init__(settings, inputs)
        counts_C = inputs.training.counts_C
        self._settings = settings
        self._weights_C = _class_weights(settings, counts_C)
        if isinstance(settings.loss, Ldam):
            self._margins_C = ldam_margins(counts_C, settings.loss.max_margin)
        if isinstance(settings.loss, LogitAdjusted):
            self._offsets_C = settings.loss.tau * log_prior(counts_C)
        self._features: dict[int, Tensor] = {}  # by the set of images
        self._frozen = False
        for name in {"encoder", "start"} & inputs.files.keys():
            backbone = self.classifier.backbone
            load_weights(backbone, inputs.file(name), prefix="backbone.")
            backbone.requires_grad_(False)
            self._frozen = settings.batch_norm == "frozen"

    def train(self, mode: bool = True) -> Classification:
        """Set training mode, except for a backbone that is frozen with its batch norm."""
        super().train(mode)
        if self._frozen:
            self.classifier.backbone.eval()
        return self

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss and its accuracy in percent."""
        draw = generator(self._seed, "augment", epoch, step)
        images = self._augment(self._training.batch(positions_B), draw)
        return self._learn(images, self._training.labels(positions_B), epoch)

    def _learn(self, images: Tensor, labels_B: Tensor, epoch: int) -> dict[str, Tensor]:
        scores_BC = self.classifier(images)
        return {
            "loss": self._criterion(scores_BC, labels_B, epoch),
            "train_accuracy": accuracy(scores_BC, labels_B),
        }

    def _criterion(self, scores_BC: Tensor, labels_B: Tensor, epoch: int) -> Tensor:
        reweight = self._settings.reweight
        deferred = isinstance(reweight, EffectiveNumber) and (
            epoch < whole_epochs(reweight.start, self._settings.epochs)
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

    def _test_scores(self, images: ImageSet) -> Tensor:
        """Return the scores [N, C]; a frozen backbone's features are computed once."""
        if not self._frozen:
            return super()._test_scores(images)
        if id(images) not in self._features:
            self._features[id(images)] = outputs(self.classifier.backbone, images, self._data)
        with torch.no_grad():
            return self.classifier.head(self._features[id(images)])


def _class_weights(settings: Classifying, counts_C: Tensor) -> Tensor | None:
    match settings.reweight:
        case InverseFrequency():
            return inverse_frequency_weights(counts_C)
        case EffectiveNumber(beta=beta):
            return effective_number_weights(counts_C, beta)
    return None


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Classification(settings, inputs)
