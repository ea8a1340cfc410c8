"""The joint objective alpha L_contrastive + (1 - alpha) L_ProCo."""

from __future__ import annotations

from torch import Tensor

from cogloat.data.imageset import ImageSet
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast
from cogloat.methods.objective import Objective
from cogloat.methods.proco.loss import joint_loss, prototype_loss
from cogloat.methods.proco.prototypes import CoresetPrototypes
from cogloat.methods.proco.settings import Settings


class ProCo(Contrast):
    """Contrastive pre-training that also pulls queries to their class's prototype.

    The prototypes are those of the key encoder; they are refreshed at the start of each epoch.
    """

    def __init__(self, settings: Settings, inputs: Inputs, coreset: ImageSet) -> None:
        """Build the encoders and empty prototypes."""
        super().__init__(settings, inputs)
        self._term = settings.prototypes
        self.query_views = settings.prototypes.query_views
        dimension = settings.projection[1]
        self.prototypes = CoresetPrototypes(coreset, self._augment, dimension, inputs)

    def start_epoch(self, epoch: int) -> None:
        """Refresh the prototypes."""
        super().start_epoch(epoch)
        self.prototypes.refresh(self.key, epoch)

    def loss(self, positions_B: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Return the batch's joint loss and its two terms."""
        views = self._embed(positions_B, epoch, step)
        contrastive = self._contrast(views, epoch, step)
        self.queue.enqueue(views.batch_keys_BD, views.batch_labels_B)
        prototypes_QCD = self.prototypes.views_QCD
        to_prototypes = prototype_loss(
            views.queries_ABD, prototypes_QCD, views.labels_B, self._term.temperature
        )
        terms = joint_loss(contrastive, to_prototypes, self._term.alpha)
        return self._ranks.share(terms, views.part)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the coreset that was handed over."""
    return ProCo(settings, inputs, inputs.images("coreset"))
