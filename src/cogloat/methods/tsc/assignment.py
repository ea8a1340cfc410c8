"""Which class goes to which of TSC's targets (Li et al. 2022).

Shapes: N embeddings, C classes, D embedding.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.methods.epochs import whole_epochs
from cogloat.methods.inputs import Inputs
from cogloat.methods.tsc.settings import Targets
from cogloat.methods.tsc.targets import read_targets
from cogloat.randomness import sent


class Assignment(nn.Module):
    """Fixed targets, and the classes' centroids (moving means of embeddings) that go to them.

    It is decided in every step, by the assignment that brings centroids and targets closest.

    Attributes:
        points_CD: the targets.
    """

    centroids_CD: Tensor

    def __init__(self, settings: Targets, epochs: int, dimension: int, inputs: Inputs) -> None:
        """Read the targets; centroids begin in random directions.

        Raises:
            UserError: if there are no targets, or they are of another size.
        """
        super().__init__()
        self._kept = settings.centroid_momentum
        self._first_epoch = whole_epochs(settings.start, epochs)
        shape = (inputs.data.classes, dimension)
        self.points_CD = read_targets(inputs.file("targets"), shape).to(inputs.device)
        centroids_CD = F.normalize(torch.randn(shape), dim=1)
        self.register_buffer("centroids_CD", centroids_CD.to(inputs.device))

    def takes_part(self, epoch: int) -> bool:
        """Say whether the targets are in the loss of an epoch."""
        return epoch >= self._first_epoch

    def assign(self, embeddings_ND: Tensor, labels_N: Tensor) -> Tensor:
        """Move the centroids towards a batch's embeddings; return the target of each one's class.

        Returns:
            Rows of `points_CD` [N].
        """
        # in bfloat16 centroids would be too coarse to move, and the host knows no such numbers
        with torch.autocast(embeddings_ND.device.type, enabled=False):
            self._move(embeddings_ND, labels_N)
            return self._closest()[labels_N]

    @torch.no_grad()
    def _move(self, embeddings_ND: Tensor, labels_N: Tensor) -> None:
        """Move the centroids of the batch's classes towards their mean embeddings."""
        members_CN = F.one_hot(labels_N, len(self.centroids_CD)).T.to(embeddings_ND.dtype)
        means_CD = F.normalize(members_CN @ embeddings_ND, dim=1)
        moved_CD = F.normalize(self._kept * self.centroids_CD + (1 - self._kept) * means_CD, dim=1)
        present_C1 = members_CN.any(dim=1, keepdim=True)
        self.centroids_CD.copy_(torch.where(present_C1, moved_CD, self.centroids_CD))

    def _closest(self) -> Tensor:
        """Return the target of each class [C]: the sum of cosines to the centroids is largest."""
        cosines_CC = (self.centroids_CD @ self.points_CD.T).cpu().numpy()
        _, targets = linear_sum_assignment(cosines_CC, maximize=True)
        return sent(torch.from_numpy(targets), self.centroids_CD.device)
