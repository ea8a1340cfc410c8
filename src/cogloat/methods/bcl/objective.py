"""BCL (Zhu et al. 2022): a logit-adjusted classifier and a contrast that weighs classes alike.

Shapes: B batch, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.data.augmentation import Augmentation
from cogloat.methods.bcl.loss import bcl_loss
from cogloat.methods.bcl.settings import Settings
from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supervised import Drawn, SupervisedObjective
from cogloat.models.heads import ProjectionHead
from cogloat.models.networks import to_device
from cogloat.models.normalisation import BatchNorm, grouped
from cogloat.randomness import generator
from cogloat.ranks import Part


class Bcl(SupervisedObjective):
    """A classifier with two projections: of its features, and of its class vectors to centres.

    Running statistics are of the batch's first group, as DataParallel leaves them in the official
    code: of three groups or more, it has views of the classifier alone.
    """

    first_alone = True

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings
        features = self.classifier.backbone.feature_dim
        norm = grouped(settings.groups, inputs.ranks, first_alone=True)
        self.projection = ProjectionHead(features, *settings.projection, norm)
        self.centre_projection = ProjectionHead(features, *settings.projection, BatchNorm)
        to_device(self, inputs.device)
        self._augment_contrast = Augmentation.named(settings.contrastive_augmentation, inputs.data)
        self._scale = settings.score_scale
        self._offsets_C = log_prior(inputs.training.counts_C)

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the classifier's views of the rank's images, then those for the contrast."""
        _, scored, anchors = self._parts(len(positions_B))
        images = self._views(positions_B, scored, anchors, epoch, step)
        return Drawn(images, self._training.labels(positions_B))

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn, its two terms and its accuracy in percent.

        A rank's anchors are its own views for the contrast; they meet those of the whole batch.
        """
        settings, batch = self._settings, len(drawn.labels_B)
        part, scored, anchors = self._parts(batch)
        batch_labels_B = drawn.labels_B
        labels_B = scored.of(batch_labels_B)
        features = self.classifier.backbone(drawn.images)
        scores_BC = self._scale * self.classifier.head(features[: scored.size]).float()
        adjusted = _cross_entropy(scores_BC + self._offsets_C, labels_B, scored)
        contrast = bcl_loss(
            self._ranks.gather(self.projection(features).float(), part)[batch:],
            batch_labels_B.repeat(2),
            self.centre_projection(self.classifier.head.weight).float(),
            settings.temperature,
            anchors,
        )
        right_B = scores_BC.argmax(dim=1) == labels_B
        return {
            "loss": settings.class_weight * adjusted + settings.contrast_weight * contrast,
            "class_loss": adjusted,
            "contrastive_loss": contrast,
            "train_accuracy": 100 * scored.mean(right_B.double()),
        }

    def _parts(self, batch: int) -> tuple[Part, Part, Part]:
        """Return a rank's part of all views, of the classifier's, and of the contrast's.

        The groups are of the concatenated views, the classifier's first.
        """
        part = self._ranks.part(3 * batch, self._groups)
        scored = Part(min(part.start, batch), min(part.stop, batch), batch)
        anchors = Part(max(part.start - batch, 0), max(part.stop - batch, 0), 2 * batch)
        return part, scored, anchors

    def _views(
        self, positions_B: Tensor, scored: Part, anchors: Part, epoch: int, step: int
    ) -> Tensor:
        """Return the classifier's views of images, then those for the contrast: [3B, 3, H, W]."""
        views = []
        if scored.size:
            draw = generator(self._seed, "augment", epoch, step, *self._ranks.apart)
            pixels = self._training.batch(scored.of(positions_B))
            views.append(self._augment(pixels, draw))
        if anchors.size:
            draw = generator(self._seed, "augment contrast", epoch, step, *self._ranks.apart)
            pixels = self._training.batch(anchors.of(positions_B.repeat(2)))
            views.append(self._augment_contrast(pixels, draw))
        return torch.cat(views)


def _cross_entropy(scores_BC: Tensor, labels_B: Tensor, part: Part) -> Tensor:
    """Return a rank's share of the mean over the batch, of which it may have no image."""
    if part.size == part.whole:
        return F.cross_entropy(scores_BC, labels_B)
    return F.cross_entropy(scores_BC, labels_B, reduction="sum") / part.whole


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Bcl(settings, inputs)
