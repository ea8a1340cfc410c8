"""GPaCo (Cui et al. 2023): PaCo's softmax over two views of one network, each of them an anchor.

Shapes: B batch, V = 2 views, N views of a group, C classes, D embedding.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import torch
from torch import Tensor

from cogloat.data.augmentation import Augmentation
from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.gpaco.settings import Settings
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.paco.loss import paco_loss
from cogloat.methods.supervised import SupervisedObjective, accuracy
from cogloat.models.heads import ProjectionHead
from cogloat.models.momentum import LabelQueue
from cogloat.models.networks import to_device
from cogloat.randomness import generator


class Drawn(NamedTuple):
    """What a step draws, on the device.

    Attributes:
        views: two of the rank's images, augmented.
        labels_B: classes of the whole batch.
    """

    views: tuple[Tensor, Tensor]
    labels_B: Tensor


class GPaCo(SupervisedObjective):
    """A classifier whose backbone has a projection, and a queue of its second views."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings
        features = self.classifier.backbone.feature_dim
        self.projection = ProjectionHead(
            features, *settings.projection, layers=3, last_init=settings.init
        )
        labelled = inputs.data.classes if settings.queue_labels == "random" else 0
        self.queue = LabelQueue(settings.queue, settings.projection[1], labelled)
        to_device(self, inputs.device)
        self._augment_key = Augmentation.named(settings.key_augmentation, inputs.data)
        self._offsets_C = log_prior(inputs.training.counts_C)

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw two views of the rank's images."""
        apart = self._ranks.apart
        pixels = self._training.batch(self._part(positions_B).of(positions_B))
        views = (
            self._augment(pixels, generator(self._seed, "augment", epoch, step, *apart)),
            self._augment_key(pixels, generator(self._seed, "augment key", epoch, step, *apart)),
        )
        return Drawn(views, self._training.labels(positions_B))

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss and accuracy; the second views are in the queue afterwards.

        The pairs of a view within the batch are those of its group, as on a device of its own.
        """
        part, batch_labels_B = self._part(drawn.labels_B), drawn.labels_B
        labels_B = part.of(batch_labels_B)
        features = torch.stack([self.classifier.backbone(view) for view in drawn.views])
        scores_VBC = self.classifier.head(features).float()
        embeddings_VBD = self.projection(features.flatten(0, 1)).float().unflatten(0, (2, -1))
        rows = embeddings_VBD, labels_B.expand(2, -1), scores_VBC + self._offsets_C
        here = self._groups // self._ranks.size
        groups = zip(*(own.chunk(here, dim=1) for own in rows), strict=True)
        loss = torch.stack([self._loss_of(*(own.flatten(0, 1) for own in g)) for g in groups])
        keys_BD = self._ranks.gather(embeddings_VBD[1].detach(), part)
        self.queue.enqueue(keys_BD, batch_labels_B)
        logged = {"loss": loss.mean(), "train_accuracy": accuracy(scores_VBC[0], labels_B)}
        return self._ranks.share(logged, part)

    def _loss_of(self, embeddings_ND: Tensor, labels_N: Tensor, adjusted_NC: Tensor) -> Tensor:
        """Return the loss of a group's views beside the queue."""
        return paco_loss(
            embeddings_ND,
            torch.cat([embeddings_ND, self.queue.keys]),
            labels_N,
            torch.cat([labels_N, self.queue.labels]),
            adjusted_NC,
            self._settings.alpha,
            self._settings.temperature,
        )


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return GPaCo(settings, inputs)
