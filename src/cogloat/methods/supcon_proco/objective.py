"""The joint objective alpha L_contrastive + (1 - alpha) L_ProCo within the batch."""

from __future__ import annotations

from collections.abc import Hashable

from torch import Tensor

from cogloat.data.imageset import ImageSet
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.proco.loss import joint_loss, prototype_loss
from cogloat.methods.proco.prototypes import CoresetPrototypes
from cogloat.methods.supcon.objective import Embeddings, InBatch
from cogloat.methods.supcon_proco.settings import Settings


class ProCoInBatch(InBatch):
    """Contrast within the batch that also pulls anchors to their class's prototype.

    The prototypes are those of the encoder itself; they are refreshed at the start of each epoch.
    """

    def __init__(self, settings: Settings, inputs: Inputs, coreset: ImageSet) -> None:
        """Build the encoder and empty prototypes."""
        super().__init__(settings, inputs)
        self._term = settings.prototypes
        dimension = settings.projection[1]
        self.prototypes = CoresetPrototypes(coreset, self._augment, dimension, inputs)

    def start_epoch(self, epoch: int) -> None:
        """Refresh the prototypes."""
        self.prototypes.refresh(self.encoder, epoch)

    def _losses(self, batch: Embeddings, phase: Hashable) -> dict[str, Tensor]:
        """Return the rank's mean joint loss and its two terms."""
        views_ABD = batch.anchors_ND.unflatten(0, (2, -1))[: self._term.query_views]
        to_prototypes = prototype_loss(
            views_ABD,
            self.prototypes.views_QCD,
            batch.labels_N[: views_ABD.shape[1]],
            self._term.temperature,
        )
        contrastive = super()._losses(batch, phase)["loss"]
        return joint_loss(contrastive, to_prototypes, self._term.alpha)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the coreset that was handed over."""
    return ProCoInBatch(settings, inputs, inputs.images("coreset"))
