"""Contrastive pre-training of one encoder within the batch: SimCLR, SupCon, KCL, CoGloAT.

Shapes: B batch, N = 2B views, C classes, D embedding, P images of the class from the whole set.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cogloat.data.sampling import choose
from cogloat.methods.contrastive import ContrastiveObjective
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supcon.loss import batch_loss, same_class_views
from cogloat.methods.supcon.settings import BatchContrast, Settings
from cogloat.models.networks import build_encoder, to_device
from cogloat.models.normalisation import grouped
from cogloat.randomness import generator


@dataclass(frozen=True)
class Embeddings:
    """A batch's embeddings.

    Attributes:
        labels_N: the anchors' classes.
        anchors_ND: a view of each image, then another of each, with gradient.
        positives_NPD: images of the anchors' classes.
    """

    labels_N: Tensor
    anchors_ND: Tensor
    positives_NPD: Tensor


class InBatch(ContrastiveObjective):
    """One encoder, whose embeddings of a batch are anchors, positives and negatives at once."""

    def __init__(self, settings: BatchContrast, inputs: Inputs) -> None:
        super().__init__(settings, inputs)
        self._positives = settings.positives
        self._separate = settings.denominator == "separate"
        norm = grouped(settings.groups, inputs.ranks)
        self.encoder = build_encoder(inputs.backbone, settings.projection, norm, settings.init)
        to_device(self, inputs.device)

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's loss."""
        return {"loss": self._contrast(self._embed(positions_B, epoch, step), epoch, step)}

    def weights(self) -> dict[str, Tensor]:
        """Return what later stages need: the encoder."""
        return self.encoder.state_dict()

    def _embed(self, positions_B: Tensor, epoch: int, step: int) -> Embeddings:
        """Embed all views in one pass, so that batch statistics tell none from another."""
        others_BK = self._others(positions_B, self._positives.from_dataset, epoch, step)
        shown_VB = torch.cat([positions_B[None], positions_B[None], others_BK.T])
        views_VBD = self._forward(self._views(shown_VB.flatten(), epoch, step), len(shown_VB))
        positives_BPD = views_VBD[2:].transpose(0, 1)
        if not self._positives.gradient:
            positives_BPD = positives_BPD.detach()
        return Embeddings(
            self._training.labels(positions_B).repeat(2),
            views_VBD[:2].flatten(0, 1),
            positives_BPD.repeat(2, 1, 1),
        )

    def _forward(self, images: Tensor, views: int) -> Tensor:
        """Return float32 embeddings [views, B, D]; in groups, an image's views are in the same."""
        if self._groups == 1:
            return self.encoder(images).float().unflatten(0, (views, -1))
        rows = images.unflatten(0, (views, -1)).transpose(0, 1).flatten(0, 1)
        return self.encoder(rows).float().unflatten(0, (-1, views)).transpose(0, 1)

    def _found(self, labels_N: Tensor, epoch: int, step: int) -> Tensor:
        """Draw the views [N, N] of other images that count as positives."""
        draw = generator(self._seed, "batch", epoch, step)
        return choose(same_class_views(labels_N), self._positives.from_batch, draw)

    def _contrast(self, batch: Embeddings, epoch: int, step: int) -> Tensor:
        temperatures_N = self._temperatures_C[batch.labels_N]
        return batch_loss(
            batch.anchors_ND,
            batch.positives_NPD,
            self._found(batch.labels_N, epoch, step),
            temperatures_N,
            separate=self._separate,
            weights_N=self._weights(temperatures_N),
        )


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective."""
    return InBatch(settings, inputs)
