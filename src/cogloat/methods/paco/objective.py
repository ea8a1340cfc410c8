"""PaCo (Cui et al. 2021): a classifier trained beside a momentum pair, in one softmax.

Shapes: B batch, C classes, D embedding, M embeddings that a query is compared with.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable
from typing import NamedTuple

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


class Drawn(NamedTuple):
    """What a step draws, on the device.

    Attributes:
        labels_B: classes of the whole batch.
        queries: augmented images of the rank's part.
        keys: those of the rank's keys, in the order in which they are embedded.
        places_B: of the batch's images among the keys, if these are shuffled.
    """

    labels_B: Tensor
    queries: Tensor
    keys: Tensor
    places_B: Tensor | None


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

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the views of a batch; in groups, keys in another order than the queries."""
        part, apart = self._part(positions_B), self._ranks.apart
        order_B, places_B = torch.arange(len(positions_B)), None
        if self._groups > 1:
            shuffle = generator(self._seed, "shuffle", epoch, step)
            order_B = torch.randperm(len(positions_B), generator=shuffle)
            places_B = sent(order_B.argsort(), self.queue.keys.device)
        queries, keys = (
            augment(self._training.batch(own_B), generator(self._seed, name, epoch, step, *apart))
            for augment, name, own_B in (
                (self._augment, "augment", part.of(positions_B)),
                (self._augment_key, "augment key", positions_B[part.of(order_B)]),
            )
        )
        return Drawn(self._training.labels(positions_B), queries, keys, places_B)

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss and accuracy; the keys are in the queue afterwards.

        The pairs of a query within the batch are those of its group, as on a device of its own.
        """
        part, batch_labels_B = self._part(drawn.labels_B), drawn.labels_B
        labels_B = part.of(batch_labels_B)
        features = self.classifier.backbone(drawn.queries)
        scores_BC = self.classifier.head(features).float()
        queries_BD = self.projection(features).float()
        self._follow()
        batch_keys_BD = self._keys(drawn, part)
        rows = queries_BD, part.of(batch_keys_BD), labels_B, scores_BC + self._offsets_C
        groups = zip(*(own.chunk(self._groups // self._ranks.size) for own in rows), strict=True)
        loss = torch.stack([self._loss_of(*group) for group in groups]).mean()
        self.queue.enqueue(batch_keys_BD, batch_labels_B)
        logged = {"loss": loss, "train_accuracy": accuracy(scores_BC, labels_B)}
        return self._ranks.share(logged, part)

    @torch.no_grad()
    def _keys(self, drawn: Drawn, part: Part) -> Tensor:
        """Return keys of the whole batch, in its order."""
        keys_BD = self._ranks.gather(self.key(drawn.keys).float(), part)
        return keys_BD if drawn.places_B is None else keys_BD.index_select(0, drawn.places_B)

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
