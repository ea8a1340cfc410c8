"""Contrastive pre-training of a momentum pair: KCL, CoGloAT and what lies between them.

Shapes: A query views, B batch, C classes, D embedding, K negatives, P positives.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cogloat.config.schema import AdaptiveTemperature, RunConfig
from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import ImageSet
from cogloat.data.sampling import ClassIndex, global_positives
from cogloat.losses.contrastive import choose_queue_positives, contrastive_loss
from cogloat.losses.temperature import class_temperatures
from cogloat.models.momentum import LabelQueue, momentum_update
from cogloat.randomness import generator
from cogloat.training.loop import Row
from cogloat.training.networks import Encoder, to_device


@dataclass(frozen=True)
class Views:
    """A batch's embeddings.

    Attributes:
        labels_B: the anchors' classes.
        queries_ABD: views of each anchor through the query encoder, with gradient.
        positives_BPD: the own key, then the k images of the same class, without gradient.
    """

    labels_B: Tensor
    queries_ABD: Tensor
    positives_BPD: Tensor


class Contrastive(nn.Module):
    """A query encoder, its momentum twin and a queue of labelled keys (MoCo v2)."""

    query_views = 1

    def __init__(self, config: RunConfig, training: ImageSet, device: torch.device) -> None:
        super().__init__()
        assert config.pretrain is not None
        self.settings = config.pretrain
        self.size = len(training)
        self._training, self._seed = training, config.seed
        self.query = Encoder(
            config.depth, self.settings.projection, self.settings.batch_norm_splits
        )
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.queue = LabelQueue(self.settings.queue, self.settings.projection[1])
        to_device(self, device)
        self._index = ClassIndex(training.labels_N)
        data = config.data
        self._augment = Augmentation(data.augmentation, data.mean, data.std, data.image_size)
        temperature = self.settings.temperature
        self._temperatures_C = (
            class_temperatures(training.counts_C, temperature.gamma)
            if isinstance(temperature, AdaptiveTemperature)
            else torch.full_like(training.counts_C, temperature.value, dtype=torch.float32)
        )

    def start_epoch(self, epoch: int) -> None:
        """Nothing is constant within an epoch only."""

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss; its keys are in the queue afterwards."""
        views = self._embed(positions_B, epoch, step)
        loss = self._contrast(views, epoch, step)
        self.queue.enqueue(views.positives_BPD[:, 0], views.labels_B)
        return {"loss": loss}

    def end_epoch(self, epoch: int) -> Row:
        """Nothing is measured but the loss."""
        return {}

    def weights(self) -> dict[str, Tensor]:
        """Return what later stages need: the query encoder."""
        return self.query.state_dict()

    def _embed(self, positions_B: Tensor, epoch: int, step: int) -> Views:
        """Draw positives, augment every view in one call, and embed them."""
        device, k = positions_B.device, self.settings.positives.from_dataset
        draw = generator(device, self._seed, "positives", epoch, step)
        chosen_BK = global_positives(self._index, positions_B, k, draw)
        positions = torch.cat([positions_B, positions_B, chosen_BK.T.reshape(-1)])
        draw = generator(device, self._seed, "augment", epoch, step)
        views = self._augment(self._training.batch(positions), draw).split(len(positions_B))
        momentum_update(self.key, self.query, self.settings.key_momentum)
        queries = self._forward(self.query, views[: self.query_views])
        with torch.no_grad():
            keys = self._forward_shuffled(views[1:], epoch, step)
        return Views(
            self._training.labels_N[positions_B],
            queries,
            keys.transpose(0, 1),
        )

    def _forward(self, encoder: Encoder, views: tuple[Tensor, ...]) -> Tensor:
        """Return float32 embeddings [views, B, D]."""
        if self.settings.joint_views:
            return encoder(torch.cat(views)).float().unflatten(0, (len(views), -1))
        return torch.stack([encoder(view).float() for view in views])

    def _forward_shuffled(self, views: tuple[Tensor, ...], epoch: int, step: int) -> Tensor:
        """Embed views by the key encoder; with split batch norm, in another order (MoCo)."""
        if self.settings.batch_norm_splits == 1:
            return self._forward(self.key, views)
        draw = generator("cpu", self._seed, "shuffle", epoch, step)
        order_B = torch.randperm(len(views[0]), generator=draw).to(views[0].device)
        keys = self._forward(self.key, tuple(view[order_B] for view in views))
        return keys[:, order_B.argsort()]

    def _contrast(self, views: Views, epoch: int, step: int) -> Tensor:
        settings = self.settings
        own_BD = views.positives_BPD[:, 0]
        batch, queue = len(own_BD), len(self.queue.labels)
        negatives, found, competing = [], [], []
        if settings.negatives in ("queue", "both"):
            draw = generator(own_BD.device, self._seed, "queue", epoch, step)
            limit = settings.positives.from_queue
            negatives.append(self.queue.keys)
            found.append(
                choose_queue_positives(
                    views.labels_B, self.queue.labels, None if limit == "all" else limit, draw
                )
            )
            competing.append(torch.ones(batch, queue, dtype=torch.bool, device=own_BD.device))
        if settings.negatives in ("batch", "both"):
            own = torch.eye(batch, dtype=torch.bool, device=own_BD.device)
            negatives.append(own_BD)
            found.append(torch.zeros_like(own))
            competing.append(~own)
        return contrastive_loss(
            views.queries_ABD[0],
            views.positives_BPD,
            torch.cat(negatives),
            self._temperatures_C[views.labels_B],
            queue_positives_BK=torch.cat(found, dim=1),
            separate=settings.denominator == "separate",
            negative_mask_BK=~torch.cat(competing, dim=1),
        )


def build(
    config: RunConfig, training: ImageSet, coreset: ImageSet | None, device: torch.device
) -> Contrastive:
    """Return the objective of a pre-training without prototypes; a coreset has no part in it."""
    return Contrastive(config, training, device)
