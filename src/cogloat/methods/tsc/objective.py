"""TSC (Li et al. 2022): KCL, then KCL that also pulls each class to a target of its own."""

from __future__ import annotations

from collections.abc import Hashable

from torch import Tensor

from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast, Views
from cogloat.methods.objective import Objective
from cogloat.methods.tsc.assignment import Assignment
from cogloat.methods.tsc.loss import tsc_loss
from cogloat.methods.tsc.settings import Settings


class Tsc(Contrast):
    """Contrastive pre-training whose later epochs have fixed targets among the keys."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        """Build the encoders, and the assignment to targets.

        Raises:
            UserError: if there are no targets, or they are of another size.
        """
        super().__init__(settings, inputs)
        self._targets = settings.targets
        dimension = settings.projection[1]
        self.assignment = Assignment(settings.targets, settings.epochs, dimension, inputs)

    def phase(self, epoch: int) -> Hashable:
        """Return nothing where the targets take part: then the host assigns classes to them."""
        return None if self.assignment.takes_part(epoch) else super().phase(epoch)

    def _losses(self, views: Views, phase: Hashable) -> dict[str, Tensor]:
        if phase is not None:
            return super()._losses(views, phase)
        queries_BD = views.queries_ABD[0]
        temperatures_B = self._temperatures_C[views.labels_B]
        loss = tsc_loss(
            queries_BD,
            views.positives_BPD[:, 0],
            self.queue.keys,
            self._queue_positives(views),
            self.assignment.points_CD,
            self._assigned(views),
            temperatures_B,
            self._targets.weight,
            self._targets.divisor,
            self._weights(temperatures_B),
        )
        return {"loss": loss}

    def _assigned(self, views: Views) -> Tensor:
        """Return the target of each anchor's class; the whole batch moves the centroids."""
        queries_BD = self._ranks.gather(views.queries_ABD[0].detach(), views.part)
        return views.part.of(self.assignment.assign(queries_BD, views.batch_labels_B))


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the targets that were handed over."""
    return Tsc(settings, inputs)
