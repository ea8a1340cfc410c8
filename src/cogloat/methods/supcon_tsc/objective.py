"""TSC within the batch: KCL, then KCL that also pulls each class to a target of its own."""

from __future__ import annotations

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

    def _contrast(self, batch: Embeddings, epoch: int, step: int) -> Tensor:
        if not self.assignment.takes_part(epoch):
            return super()._contrast(batch, epoch, step)
        anchors_ND = rows(batch.batch_ND, batch.own_N)
        temperatures_N = self._temperatures_C[batch.labels_N]
        assigned_N = self.assignment.assign(batch.batch_ND, batch.batch_labels_N)
        return tsc_loss(
            anchors_ND,
            other_view(anchors_ND),
            batch.batch_ND,
            self._found(batch, epoch, step),
            self.assignment.points_CD,
            rows(assigned_N, batch.own_N),
            temperatures_N,
            self._targets.weight,
            self._targets.divisor,
            self._weights(temperatures_N),
            rows(same_image(batch.batch_ND), batch.own_N),
        )


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the targets that were handed over."""
    return TscInBatch(settings, inputs)
