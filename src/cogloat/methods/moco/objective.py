"""Contrastive pre-training of a momentum pair: KCL, CoGloAT and what lies between them.

Shapes: A query views, B batch, C classes, D embedding, K negatives, P positives.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cogloat.data.sampling import draw_lots, epoch_order
from cogloat.methods.contrastive import ContrastiveObjective
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.gradient import Gradient, contrastive_gradient
from cogloat.methods.moco.loss import choose_queue_positives, contrastive_loss
from cogloat.methods.moco.settings import MomentumContrast, Settings
from cogloat.methods.objective import Objective
from cogloat.models.momentum import LabelQueue, momentum_update
from cogloat.models.networks import Encoder, build_encoder, to_device
from cogloat.models.normalisation import grouped
from cogloat.randomness import generator, sent
from cogloat.ranks import Part


class Drawn(NamedTuple):
    """What a step draws, on the device.

    Attributes:
        labels_B: classes of the whole batch.
        queries: augmented images of the rank's anchors, view by view.
        keys: those of the rank's keys, in the order in which they are embedded.
        places_B: of the batch's images among the keys, if these are shuffled.
        lots_Bk: by which the rank's anchors choose positives from the queue, if some are chosen.
    """

    labels_B: Tensor
    queries: tuple[Tensor, ...]
    keys: tuple[Tensor, ...]
    places_B: Tensor | None
    lots_Bk: Tensor | None


@dataclass(frozen=True)
class Views:
    """A batch's embeddings.

    Attributes:
        part: this rank's of the batch, whose images are its anchors.
        labels_B: the anchors' classes.
        queries_ABD: views of each anchor through the query encoder, with gradient.
        positives_BPD: the own key, then the k images of the same class, without gradient.
        batch_labels_B: classes of the whole batch.
        batch_keys_BD: own keys of the whole batch.
        lots_Bk: by which the anchors choose positives from the queue.
    """

    part: Part
    labels_B: Tensor
    queries_ABD: Tensor
    positives_BPD: Tensor
    batch_labels_B: Tensor
    batch_keys_BD: Tensor
    lots_Bk: Tensor | None


class Contrast(ContrastiveObjective):
    """A query encoder, its momentum twin and a queue of labelled keys (MoCo v2)."""

    query_views = 1

    def __init__(self, settings: MomentumContrast, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self.settings = settings
        norm = grouped(settings.groups, inputs.ranks)
        self.query = build_encoder(inputs.backbone, settings.projection, norm, settings.init)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.queue = LabelQueue(settings.queue, settings.projection[1])
        to_device(self, inputs.device)

    def start_epoch(self, epoch: int) -> None:
        """Fill the queue before the first step, if it does not begin with random keys."""
        if epoch == 0 and self.settings.queue_prefill:
            self._fill_queue()

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the views of a batch, and what chooses from the queue.

        In groups, keys are embedded in another order than queries are, so that no group tells which
        keys are of the batch (MoCo). A rank embeds the queries of its part, and keys of any.
        """
        part, device = self._part(positions_B), self.queue.keys.device
        others_BK = self._others(positions_B, self.settings.positives.from_dataset, epoch, step)
        shown_VB = torch.cat([positions_B[None], positions_B[None], others_BK.T])
        order_B, places_B = torch.arange(len(positions_B)), None
        if self.settings.groups > 1:
            shuffle = generator(self._seed, "shuffle", epoch, step)
            order_B = torch.randperm(len(positions_B), generator=shuffle)
            places_B = sent(order_B.argsort(), device)
        views = self._query_and_key_views(shown_VB, order_B, part, epoch, step)
        lots = generator(self._seed, "queue", epoch, step)
        lots_Bk = draw_lots(part, self.settings.positives.from_queue, lots, device)
        return Drawn(self._training.labels(positions_B), *views, places_B, lots_Bk)

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn; its keys are in the queue afterwards."""
        views = self._embed(drawn)
        logged = self._losses(views, phase)
        self.queue.enqueue(views.batch_keys_BD, views.batch_labels_B)
        return self._ranks.share(logged, views.part)

    @torch.no_grad()
    def gradient(self, positions_B: Tensor, epoch: int, step: int) -> Gradient:
        """Do as `loss` does, but return the gradient of each anchor's own term in its embedding."""
        views = self._embed(self.draw(positions_B, epoch, step))
        compared = self._compared(views)
        labels_K = self._negatives_labels(views.batch_labels_B)
        same_class_BK = views.labels_B[:, None] == labels_K
        gradient = contrastive_gradient(**compared, same_class_BK=same_class_BK)
        self.queue.enqueue(views.batch_keys_BD, views.batch_labels_B)
        return gradient

    def weights(self) -> dict[str, Tensor]:
        """Return what later stages need: the query encoder."""
        return self.query.state_dict()

    @torch.no_grad()
    def _fill_queue(self) -> None:
        """Enqueue keys of augmented batches until none of the random ones is left (KCL's code)."""
        batch = self.settings.batch_size
        steps = math.floor(self.size / batch)
        for number in range(self.settings.queue // batch):
            passed, step = divmod(number, steps)
            order = epoch_order(self.size, generator(self._seed, "fill", passed))
            positions_B = order[step * batch : (step + 1) * batch]
            part = self._part(positions_B)
            draw = generator(self._seed, "fill", passed, step, *self._ranks.apart)
            images = self._augment(self._training.batch(part.of(positions_B)), draw)
            keys_BD = self._ranks.gather(self.key(images), part)
            self.queue.enqueue(keys_BD, self._training.labels(positions_B))

    def _embed(self, drawn: Drawn) -> Views:
        """Embed the query views by the query encoder, the others by the key encoder."""
        part = self._part(drawn.labels_B)
        momentum_update(self.key, self.query, self.settings.key_momentum)
        queries_ABD = self._forward(self.query, drawn.queries)
        with torch.no_grad():
            keys_PBD = self._forward(self.key, drawn.keys)
            keys_PBD = self._ranks.gather(keys_PBD.transpose(0, 1), part).transpose(0, 1)
            if drawn.places_B is not None:
                keys_PBD = keys_PBD.index_select(1, drawn.places_B)
        labels_B, keys_BPD = drawn.labels_B, keys_PBD.transpose(0, 1)
        own = part.of(labels_B), queries_ABD, part.of(keys_BPD)
        return Views(part, *own, labels_B, keys_BPD[:, 0], drawn.lots_Bk)

    def _query_and_key_views(
        self, shown_VB: Tensor, order_B: Tensor, part: Part, epoch: int, step: int
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return augmented images of the rank's queries, and of its keys in the order of these.

        Args:
            shown_VB: the batch's own images twice, then its positives.
            order_B: of the keys.
            part: the rank's.
            epoch: of the step.
            step: of the epoch.
        """
        if self._ranks.size == 1:  # of two query views, the second is a key's view too
            views = self._views(shown_VB.flatten(), epoch, step).split(len(order_B))
            if self.settings.groups == 1:
                return views[: self.query_views], views[1:]
            order_B = sent(order_B, views[0].device)
            return views[: self.query_views], tuple(v.index_select(0, order_B) for v in views[1:])
        own = shown_VB[: self.query_views, part.start : part.stop]
        keys = shown_VB[1:, part.of(order_B)]
        views = self._views(torch.cat([own, keys]).flatten(), epoch, step).split(part.size)
        return views[: self.query_views], views[self.query_views :]

    def _forward(self, encoder: Encoder, views: tuple[Tensor, ...]) -> Tensor:
        """Return float32 embeddings [views, B, D].

        In one pass an image's views are side by side, so that they are in one group of a split
        batch norm.
        """
        if self.settings.joint_views:
            rows = encoder(torch.stack(views, dim=1).flatten(0, 1)).float()
            return rows.unflatten(0, (-1, len(views))).transpose(0, 1)
        return torch.stack([encoder(view).float() for view in views])

    def _queue_positives(self, views: Views) -> Tensor:
        """Choose the queue entries [B, K] that count as positives."""
        k = self.settings.positives.from_queue
        return choose_queue_positives(views.labels_B, self.queue.labels, k, views.lots_Bk)

    def _losses(self, views: Views, phase: Hashable) -> dict[str, Tensor]:
        """Return the rank's mean loss, and what else is logged."""
        return {"loss": contrastive_loss(**self._compared(views))}

    def _compared(self, views: Views) -> dict[str, Any]:
        """Return the arguments of the loss: what the anchors' first view is compared with."""
        settings = self.settings
        temperatures_B = self._temperatures_C[views.labels_B]
        negatives, found, hidden = [], [], []
        if settings.negatives in ("queue", "both"):
            found_BK = self._queue_positives(views)
            negatives.append(self.queue.keys)
            found.append(found_BK)
            hidden.append(torch.zeros_like(found_BK))
        if settings.negatives in ("batch", "both"):
            keys_BD = views.batch_keys_BD
            own_BB = torch.eye(len(keys_BD), dtype=torch.bool, device=keys_BD.device)
            own_BB = views.part.of(own_BB)
            negatives.append(keys_BD)
            found.append(torch.zeros_like(own_BB))
            hidden.append(own_BB)
        return {
            "query_BD": views.queries_ABD[0],
            "positives_BPD": views.positives_BPD,
            "negatives_KD": torch.cat(negatives),
            "temperature": temperatures_B,
            "queue_positives_BK": torch.cat(found, dim=1),
            "separate": settings.denominator == "separate",
            "negative_mask_BK": None if settings.negatives == "queue" else torch.cat(hidden, dim=1),
            "weights_B": self._weights(temperatures_B),
        }

    def _negatives_labels(self, labels_B: Tensor) -> Tensor:
        """Return the classes [K] of what the anchors are compared with beside their positives."""
        parts = {"queue": [self.queue.labels], "batch": [labels_B]}
        parts["both"] = parts["queue"] + parts["batch"]
        return torch.cat(parts[self.settings.negatives])


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return Contrast(settings, inputs)
