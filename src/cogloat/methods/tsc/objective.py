"""TSC (Li et al. 2022): KCL, then KCL that also pulls each class to a target of its own.

Shapes: B batch, C classes, D embedding.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from cogloat.methods.epochs import whole_epochs
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast, Views
from cogloat.methods.objective import Objective
from cogloat.methods.tsc.loss import tsc_loss
from cogloat.methods.tsc.settings import Settings
from cogloat.methods.tsc.targets import read_targets


class Tsc(Contrast):
    """Contrastive pre-training whose later epochs have fixed targets among the keys.

    Which class goes to which target is decided in every step, by the assignment that brings the
    classes' centroids (moving means of query embeddings) closest to the targets.
    """

    centroids_CD: Tensor

    def __init__(self, settings: Settings, inputs: Inputs) -> None:
        """Build the encoders, and centroids in random directions.

        Raises:
            UserError: if there are no targets, or they are of another size.
        """
        super().__init__(settings, inputs)
        self._target_settings = settings.targets
        self._first_epoch = whole_epochs(settings.targets.start, settings.epochs)
        shape = (inputs.data.classes, settings.projection[1])
        self._targets_CD = read_targets(inputs.file("targets"), shape).to(inputs.device)
        centroids_CD = F.normalize(torch.randn(shape), dim=1)
        self.register_buffer("centroids_CD", centroids_CD.to(inputs.device))

    def _contrast(self, views: Views, epoch: int, step: int) -> Tensor:
        if epoch < self._first_epoch:
            return super()._contrast(views, epoch, step)
        queries_BD = views.queries_ABD[0]
        temperatures_B = self._temperatures_C[views.labels_B]
        self._move_centroids(queries_BD, views.labels_B)
        return tsc_loss(
            queries_BD,
            views.positives_BPD[:, 0],
            self.queue.keys,
            self._queue_positives(views.labels_B, epoch, step),
            self._targets_CD,
            self._assignment()[views.labels_B],
            temperatures_B,
            self._target_settings.weight,
            self._target_settings.divisor,
            self._weights(temperatures_B),
        )

    @torch.no_grad()
    def _move_centroids(self, queries_BD: Tensor, labels_B: Tensor) -> None:
        """Move the centroids of the batch's classes towards their mean queries."""
        members_CB = F.one_hot(labels_B, len(self.centroids_CD)).T.to(queries_BD.dtype)
        means_CD = F.normalize(members_CB @ queries_BD, dim=1)
        kept = self._target_settings.centroid_momentum
        moved_CD = F.normalize(kept * self.centroids_CD + (1 - kept) * means_CD, dim=1)
        present_C1 = members_CB.any(dim=1, keepdim=True)
        self.centroids_CD.copy_(torch.where(present_C1, moved_CD, self.centroids_CD))

    def _assignment(self) -> Tensor:
        """Return the target of each class [C]: the sum of cosines to the centroids is largest."""
        cosines_CC = (self.centroids_CD @ self._targets_CD.T).cpu().numpy()
        _, targets = linear_sum_assignment(cosines_CC, maximize=True)
        return torch.as_tensor(targets, device=self.centroids_CD.device)


def build(settings: Settings, inputs: Inputs) -> Objective:
    """Return the objective, with the targets that were handed over."""
    return Tsc(settings, inputs)
