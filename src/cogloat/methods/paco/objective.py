"""PaCo (Cui et al. 2021): a classifier trained beside a momentum pair, in one softmax.

Shapes: B batch, C classes, D embedding, M embeddings that a query is compared with.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from cogloat.data.augmentation import Augmentation
from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.paco.loss import paco_loss
from cogloat.methods.paco.settings import Settings
from cogloat.methods.supervised import SupervisedObjective, accuracy
from cogloat.models.heads import ProjectionHead
from cogloat.models.momentum import LabelQueue, momentum_update
from cogloat.models.networks import Encoder, to_device
from cogloat.randomness import generator


class PaCo(SupervisedObjective):
    """A classifier whose backbone has a projection, a momentum twin and a queue of keys."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings
        backbone = self.classifier.backbone
        features = backbone.feature_dim
        self.projection = ProjectionHead(
            features, *settings.projection, batch_norm=True, last_init=settings.init
        )
        twin = Encoder(backbone, self.projection)
        self.key = copy.deepcopy(twin).requires_grad_(False)
        self.queue = LabelQueue(settings.queue, settings.projection[1])
        if settings.queue_labels == "random":
            self.queue.labels.random_(inputs.data.classes)
        to_device(self, inputs.device)
        self._augment_key = Augmentation.named(settings.key_augmentation, inputs.data)
        self._offsets_C = log_prior(inputs.training.counts_C)

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss and accuracy; its keys are in the queue afterwards."""
        settings = self._settings
        labels_B = self._training.labels(positions_B)
        pixels = self._training.batch(positions_B)
        draw = generator(self._seed, "augment", epoch, step)
        features = self.classifier.backbone(self._augment(pixels, draw))
        scores_BC = self.classifier.head(features).float()
        queries_BD = self.projection(features).float()
        self._follow()
        draw = generator(self._seed, "augment key", epoch, step)
        with torch.no_grad():
            keys_BD = self.key(self._augment_key(pixels, draw)).float()
        loss = paco_loss(
            queries_BD,
            torch.cat([queries_BD, keys_BD, self.queue.keys]),
            labels_B,
            torch.cat([labels_B, labels_B, self.queue.labels]),
            scores_BC + self._offsets_C,
            settings.alpha,
            settings.temperature,
        )
        self.queue.enqueue(keys_BD, labels_B)
        return {"loss": loss, "train_accuracy": accuracy(scores_BC, labels_B)}

    def _follow(self) -> None:
        m = self._settings.key_momentum
        momentum_update(self.key.backbone, self.classifier.backbone, m)
        momentum_update(self.key.projection, self.projection, m)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return PaCo(settings, inputs)
