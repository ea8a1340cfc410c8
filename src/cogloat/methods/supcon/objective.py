"""Contrastive pre-training of one encoder within the batch: SimCLR, SupCon, KCL, CoGloAT.

Shapes: B batch, N = 2B views, C classes, D embedding, P images of the class from the whole set.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cogloat.data.sampling import choose, draw_lots
from cogloat.methods.contrastive import ContrastiveObjective
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supcon.loss import batch_loss, rows, same_class_views
from cogloat.methods.supcon.settings import BatchContrast, Settings
from cogloat.models.networks import build_encoder, to_device
from cogloat.models.normalisation import grouped
from cogloat.randomness import generator
from cogloat.ranks import Part


class Drawn(NamedTuple):
    """What a step draws, on the device.

    Attributes:
        labels_B: classes of the whole batch.
        images: augmented, of the rank's part, view by view: two of its images, then its positives.
        lots_Nk: by which views of the batch choose positives among these, if some are chosen.
    """

    labels_B: Tensor
    images: Tensor
    lots_Nk: Tensor | None


@dataclass(frozen=True)
class Embeddings:
    """A batch's embeddings.

    Attributes:
        part: this rank's of the batch, whose images are its anchors.
        labels_N: the anchors' classes.
        anchors_ND: a view of each image, then another of each, with gradient.
        positives_NPD: images of the anchors' classes.
        batch_ND: both views of the images of the whole batch, with gradient.
        batch_labels_N: their classes.
        own_N: rows of the anchors in those; nothing where these are all.
        lots_Nk: by which views of the batch choose positives among these, if some are chosen.
    """

    part: Part
    labels_N: Tensor
    anchors_ND: Tensor
    positives_NPD: Tensor
    batch_ND: Tensor
    batch_labels_N: Tensor
    own_N: Tensor | None
    lots_Nk: Tensor | None


class InBatch(ContrastiveObjective):
    """One encoder, whose embeddings of a batch are anchors, positives and negatives at once."""

    def __init__(self, settings: BatchContrast, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._positives = settings.positives
        self._separate = settings.denominator == "separate"
        norm = grouped(settings.groups, inputs.ranks)
        self.encoder = build_encoder(inputs.backbone, settings.projection, norm, settings.init)
        to_device(self, inputs.device)

    def draw(self, positions_B: Tensor, epoch: int, step: int) -> Drawn:
        """Draw the views of a batch, and what chooses among them."""
        part = self._part(positions_B)
        others_BK = self._others(positions_B, self._positives.from_dataset, epoch, step)
        shown_VB = torch.cat([positions_B[None], positions_B[None], others_BK.T])
        shown_VB = shown_VB[:, part.start : part.stop]
        images, both = self._views(shown_VB.flatten(), epoch, step), 2 * part.whole
        draw = generator(self._seed, "batch", epoch, step)
        k, whole = self._positives.from_batch, Part(0, both, both)
        lots_Nk = draw_lots(whole, k, draw, images.device)
        return Drawn(self._training.labels(positions_B), images, lots_Nk)

    def learn(self, drawn: Drawn, phase: Hashable) -> dict[str, Tensor]:
        """Return the loss of what was drawn."""
        batch = self._embed(drawn)
        return self._ranks.share(self._losses(batch, phase), batch.part)

    def weights(self) -> dict[str, Tensor]:
        """Return what later stages need: the encoder."""
        return self.encoder.state_dict()

    def _embed(self, drawn: Drawn) -> Embeddings:
        """Embed all views in one pass, so that batch statistics tell none from another."""
        part, labels_B = self._part(drawn.labels_B), drawn.labels_B
        views_VBD = self._forward(drawn.images, len(drawn.images) // part.size)
        positives_BPD = views_VBD[2:].transpose(0, 1)
        if not self._positives.gradient:
            positives_BPD = positives_BPD.detach()
        anchors_ND = batch_ND = views_VBD[:2].flatten(0, 1)
        own_N = None
        if self._ranks.size > 1:
            both_BAD = self._ranks.gather(views_VBD[:2].transpose(0, 1).contiguous(), part)
            batch_ND = both_BAD.transpose(0, 1).flatten(0, 1)
            places_AB = torch.arange(2 * part.whole, device=batch_ND.device).view(2, -1)
            own_N = places_AB[:, part.start : part.stop].flatten()
        return Embeddings(
            part,
            part.of(labels_B).repeat(2),
            anchors_ND,
            positives_BPD.repeat(2, 1, 1),
            batch_ND,
            labels_B.repeat(2),
            own_N,
            drawn.lots_Nk,
        )

    def _forward(self, images: Tensor, views: int) -> Tensor:
        """Return float32 embeddings [views, B, D]; in groups, an image's views are in the same."""
        if self._groups == 1:
            return self.encoder(images).float().unflatten(0, (views, -1))
        images = images.unflatten(0, (views, -1)).transpose(0, 1).flatten(0, 1)
        return self.encoder(images).float().unflatten(0, (-1, views)).transpose(0, 1)

    def _found(self, batch: Embeddings) -> Tensor:
        """Choose the views of other images that count as an anchor's positives."""
        candidates_NN = same_class_views(batch.batch_labels_N)
        chosen_NN = choose(candidates_NN, self._positives.from_batch, batch.lots_Nk)
        return rows(chosen_NN, batch.own_N)

    def _losses(self, batch: Embeddings, phase: Hashable) -> dict[str, Tensor]:
        """Return the rank's mean loss, and what else is logged."""
        temperatures_N = self._temperatures_C[batch.labels_N]
        loss = batch_loss(
            batch.batch_ND,
            batch.positives_NPD,
            self._found(batch),
            temperatures_N,
            separate=self._separate,
            weights_N=self._weights(temperatures_N),
            own_N=batch.own_N,
        )
        return {"loss": loss}


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return InBatch(settings, inputs)
