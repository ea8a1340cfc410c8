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
from cogloat.models.normalisation import grouped
from cogloat.randomness import generator, sent
from cogloat.ranks import Part


class PaCo(SupervisedObjective):
    """A classifier whose backbone has a projection, a momentum twin and a queue of keys."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._settings = settings
        backbone = self.classifier.backbone
        features, norm = backbone.feature_dim, grouped(settings.groups, inputs.ranks)
        self.projection = ProjectionHead(
            features, *settings.projection, norm, last_init=settings.init
        )
        twin = Encoder(backbone, self.projection)
        self.key = copy.deepcopy(twin).requires_grad_(False)
        labelled = inputs.data.classes if settings.queue_labels == "random" else 0
        self.queue = LabelQueue(settings.queue, settings.projection[1], labelled)
        to_device(self, inputs.device)
        self._augment_key = Augmentation.named(settings.key_augmentation, inputs.data)
        self._offsets_C = log_prior(inputs.training.counts_C)

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss and accuracy; its keys are in the queue afterwards.

        The pairs of a query within the batch are those of its group, as on a device of its own.
        """
        part = self._part(positions_B)
        batch_labels_B = self._training.labels(positions_B)
        own_B, labels_B = part.of(positions_B), part.of(batch_labels_B)
        draw = generator(self._seed, "augment", epoch, step, *self._ranks.apart)
        images = self._augment(self._training.batch(own_B), draw)
        features = self.classifier.backbone(images)
        scores_BC = self.classifier.head(features).float()
        queries_BD = self.projection(features).float()
        self._follow()
        batch_keys_BD = self._keys(positions_B, part, epoch, step)
        rows = queries_BD, part.of(batch_keys_BD), labels_B, scores_BC + self._offsets_C
        groups = zip(*(own.chunk(self._groups // self._ranks.size) for own in rows), strict=True)
        loss = torch.stack([self._loss_of(*group) for group in groups]).mean()
        self.queue.enqueue(batch_keys_BD, batch_labels_B)
        logged = {"loss": loss, "train_accuracy": accuracy(scores_BC, labels_B)}
        return self._ranks.share(logged, part)

    @torch.no_grad()
    def _keys(self, positions_B: Tensor, part: Part, epoch: int, step: int) -> Tensor:
        """Return keys of the whole batch; in groups, embedded in another order than the queries."""
        order_B = torch.arange(len(positions_B))
        if self._groups > 1:
            draw = generator(self._seed, "shuffle", epoch, step)
            order_B = torch.randperm(len(positions_B), generator=draw)
        draw = generator(self._seed, "augment key", epoch, step, *self._ranks.apart)
        pixels = self._training.batch(positions_B[part.of(order_B)])
        keys_BD = self.key(self._augment_key(pixels, draw)).float()
        back_B = sent(order_B.argsort(), keys_BD.device)
        return self._ranks.gather(keys_BD, part).index_select(0, back_B)

    def _loss_of(
        self, queries_BD: Tensor, keys_BD: Tensor, labels_B: Tensor, adjusted_BC: Tensor
    ) -> Tensor:
        """Return the loss of a group's queries beside its keys and the queue."""
        return paco_loss(
            queries_BD,
            torch.cat([queries_BD, keys_BD, self.queue.keys]),
            labels_B,
            torch.cat([labels_B, labels_B, self.queue.labels]),
            adjusted_BC,
            self._settings.alpha,
            self._settings.temperature,
        )

    def _follow(self) -> None:
        m = self._settings.key_momentum
        momentum_update(self.key.backbone, self.classifier.backbone, m)
        momentum_update(self.key.projection, self.projection, m)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return PaCo(settings, inputs)
