"""Classification by a loss on the scores, end to end or on a frozen backbone."""

from __future__ import annotations

from collections.abc import Hashable

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
from cogloat.methods.supervised import Drawn, SupervisedObjective, accuracy
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

    def phase(self, epoch: int) -> Hashable:
        """Return whether the classes are weighted in an epoch."""
        reweight = self._settings.reweight
        deferred = isinstance(reweight, EffectiveNumber) and (
            epoch < whole_epochs(reweight.start, self._settings.epochs)
        )
        return "plain" if deferred else "weighted"

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the views of the rank's images."""
        own_B = self._part(positions_B).of(positions_B)
        draw = generator(self._seed, "augment", epoch, step, *self._ranks.apart)
        images = self._augment(self._training.batch(own_B), draw)
        return Drawn(images, self._training.labels(positions_B))

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn, and its accuracy in percent."""
        part, weights_C = self._part(drawn.labels_B), self._weights_in(phase)
        logged = self._learn(drawn.images, part.of(drawn.labels_B), weights_C)
        if self._ranks.size > 1:
            logged["loss"] = logged["loss"] * self._weight(drawn.labels_B, part, weights_C)
        return self._ranks.share(logged, part)

    def _learn(
        self, images: Tensor, labels_B: Tensor, weights_C: Tensor | None
    ) -> dict[str, Tensor]:
        scores_BC = self.classifier(images)
        return {
            "loss": self._criterion(scores_BC.float(), labels_B, weights_C),
            "train_accuracy": accuracy(scores_BC, labels_B),
        }

    def _criterion(self, scores_BC: Tensor, labels_B: Tensor, weights_C: Tensor | None) -> Tensor:
        match self._settings.loss:
            case Ldam(scale=scale):
                return ldam_loss(scores_BC, labels_B, self._margins_C, scale, weights_C)
            case Focal(gamma=gamma):
                return focal_loss(scores_BC, labels_B, gamma, weights_C)
            case LogitAdjusted():
                return F.cross_entropy(scores_BC + self._offsets_C, labels_B, weights_C)
            case CrossEntropy():
                return F.cross_entropy(scores_BC, labels_B, weights_C)

    def _weights_in(self, phase: Hashable) -> Tensor | None:
        """Return the classes' weights in a phase, if they have some."""
        return self._weights_C if phase == "weighted" else None

    def _weight(self, labels_B: Tensor, part: Part, weights_C: Tensor | None) -> float | Tensor:
        """Return what an image of the rank's part weighs beside one of the batch, on average.

        A weighted mean is divided by the sum of the weights, which no two parts have alike.
        """
        if weights_C is None or isinstance(self._settings.loss, Focal):
            return 1.0
        weights_B = weights_C[labels_B]
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
