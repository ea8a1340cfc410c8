"""TSC within the batch: KCL, then KCL that also pulls each class to a target of its own."""

from __future__ import annotations

from collections.abc import Hashable

from torch import Tensor

from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.supcon.loss import other_view, rows, same_image
from cogloat.methods.supcon.objective import Embeddings, InBatch
from cogloat.methods.supcon_tsc.settings import Settings
from cogloat.methods.tsc.assignment import Assignment
from cogloat.methods.tsc.loss import tsc_loss


class TscInBatch(InBatch):
    """Contrast within the batch whose later epochs have fixed targets among the negatives."""

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        """Build the encoder, and the assignment to targets.

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

    def _losses(self, batch: Embeddings, phase: Hashable) -> dict[str, Tensor]:
        if phase is not None:
            return super()._losses(batch, phase)
        anchors_ND = rows(batch.batch_ND, batch.own_N)
        temperatures_N = self._temperatures_C[batch.labels_N]
        assigned_N = self.assignment.assign(batch.batch_ND, batch.batch_labels_N)
        loss = tsc_loss(
            anchors_ND,
            other_view(anchors_ND),
            batch.batch_ND,
            self._found(batch),
            self.assignment.points_CD,
            rows(assigned_N, batch.own_N),
            temperatures_N,
            self._targets.weight,
            self._targets.divisor,
            self._weights(temperatures_N),
            rows(same_image(batch.batch_ND), batch.own_N),
        )
        return {"loss": loss}


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the targets that were handed over."""
    return TscInBatch(settings, inputs)
