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
from cogloat.ranks import Part


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
        part = self._part(positions_B)
        own_B = part.of(positions_B)
        draw = generator(self._seed, "augment", epoch, step, *self._ranks.apart)
        images = self._augment(self._training.batch(own_B), draw)
        logged = self._learn(images, self._training.labels(own_B), epoch)
        if self._ranks.size > 1:
            logged["loss"] = logged["loss"] * self._weight(positions_B, part, epoch)
        return self._ranks.share(logged, part)

    def _learn(self, images: Tensor, labels_B: Tensor, epoch: int) -> dict[str, Tensor]:
        scores_BC = self.classifier(images)
        return {
            "loss": self._criterion(scores_BC, labels_B, epoch),
            "train_accuracy": accuracy(scores_BC, labels_B),
        }

    def _criterion(self, scores_BC: Tensor, labels_B: Tensor, epoch: int) -> Tensor:
        weights_C = self._weights_of(epoch)
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

    def _weights_of(self, epoch: int) -> Tensor | None:
        """Return the classes' weights in an epoch, if they have some."""
        reweight = self._settings.reweight
        deferred = isinstance(reweight, EffectiveNumber) and (
            epoch < whole_epochs(reweight.start, self._settings.epochs)
        )
        return None if deferred else self._weights_C

    def _weight(self, positions_B: Tensor, part: Part, epoch: int) -> float | Tensor:
        """Return what an image of the rank's part weighs beside one of the batch, on average.

        A weighted mean is divided by the sum of the weights, which no two parts have alike.
        """
        weights_C = self._weights_of(epoch)
        if weights_C is None or isinstance(self._settings.loss, Focal):
            return 1.0
        weights_B = weights_C[self._training.labels(positions_B)]
        return part.of(weights_B).mean() / weights_B.mean()

    def _test_scores(self, images: ImageSet, positions_N: Tensor) -> Tensor:
        """Return the scores [N, C]; a frozen backbone's features are computed once."""
        if not self._frozen:
            return super()._test_scores(images, positions_N)
        if id(images) not in self._features:
            features_NF = outputs(self.classifier.backbone, images, self._data, positions_N)
            self._features[id(images)] = features_NF
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
