"""The joint objective alpha L_contrastive + (1 - alpha) L_ProCo."""

from __future__ import annotations

from collections.abc import Hashable

from torch import Tensor

from cogloat.data.imageset import ImageSet
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast, Views
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

    def _losses(self, views: Views, phase: Hashable) -> dict[str, Tensor]:
        """Return the rank's mean joint loss and its two terms."""
        contrastive = super()._losses(views, phase)["loss"]
        prototypes_QCD = self.prototypes.views_QCD
        to_prototypes = prototype_loss(
            views.queries_ABD, prototypes_QCD, views.labels_B, self._term.temperature
        )
        return joint_loss(contrastive, to_prototypes, self._term.alpha)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the coreset that was handed over."""
    return ProCo(settings, inputs, inputs.images("coreset"))
