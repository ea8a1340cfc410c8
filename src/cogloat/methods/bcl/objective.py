"""BCL (Zhu et al. 2022): a logit-adjusted classifier and a contrast that weighs classes alike.

Shapes: B batch, C classes, D embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.data.augmentation import Augmentation
from cogloat.methods.bcl.loss import bcl_loss
from cogloat.methods.bcl.settings import Settings
from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supervised import SupervisedObjective, accuracy
from cogloat.models.heads import ProjectionHead
from cogloat.models.networks import to_device
from cogloat.randomness import generator


class Bcl(SupervisedObjective):
    """A classifier with two projections: of its features, and of its class vectors to centres."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings
        features = self.classifier.backbone.feature_dim
        self.projection = ProjectionHead(features, *settings.projection, batch_norm=True)
        self.centre_projection = ProjectionHead(features, *settings.projection, batch_norm=True)
        to_device(self, inputs.device)
        self._augment_contrast = Augmentation.named(settings.contrastive_augmentation, inputs.data)
        self._scale = settings.score_scale
        self._offsets_C = log_prior(inputs.training.counts_C)

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss, its two terms and its accuracy in percent."""
        settings, batch = self._settings, len(positions_B)
        labels_B = self._training.labels(positions_B)
        features = self.classifier.backbone(self._views(positions_B, epoch, step))
        scores_BC = self._scale * self.classifier.head(features[:batch]).float()
        adjusted = F.cross_entropy(scores_BC + self._offsets_C, labels_B)
        contrast = bcl_loss(
            self.projection(features).float()[batch:],
            labels_B.repeat(2),
            self.centre_projection(self.classifier.head.weight).float(),
            settings.temperature,
        )
        return {
            "loss": settings.class_weight * adjusted + settings.contrast_weight * contrast,
            "class_loss": adjusted,
            "contrastive_loss": contrast,
            "train_accuracy": accuracy(scores_BC, labels_B),
        }

    def _views(self, positions_B: Tensor, epoch: int, step: int) -> Tensor:
        """Return the classifier's view of each image, then two for the contrast: [3B, 3, H, W]."""
        draw = generator(self._seed, "augment", epoch, step)
        classified = self._augment(self._training.batch(positions_B), draw)
        draw = generator(self._seed, "augment contrast", epoch, step)
        contrasted = self._augment_contrast(self._training.batch(positions_B.repeat(2)), draw)
        return torch.cat([classified, contrasted])


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Bcl(settings, inputs)
