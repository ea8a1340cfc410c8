"""OLTR's terms with the memory (Liu et al. 2019): near the own class's point, far from others.

Shapes: B images, C classes, D features.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def attraction(features_BD: Tensor, memory_CD: Tensor, labels_B: Tensor) -> Tensor:
    """Return half the mean squared distance of features to their classes' points.

    The gradient of the features is that of this mean. The points move by the centre loss's rule
    (Wen et al. 2016) instead: by the sum over a class's n images of (point - feature) / (1 + n),
    over B, whatever weight the term has.
    """
    loss: Tensor = _Attraction.apply(features_BD, memory_CD, labels_B)
    return loss


def repulsion(features_BD: Tensor, memory_CD: Tensor, labels_B: Tensor, margin: float) -> Tensor:
    """Return by how much the squared distances to the other classes' points fall short of a margin.

    They are summed over the other classes and divided by B C.
    """
    squares_BC = (
        features_BD.square().sum(dim=1, keepdim=True)
        + memory_CD.square().sum(dim=1)
        - 2 * features_BD @ memory_CD.T
    )
    own_BC = labels_B[:, None] == torch.arange(len(memory_CD), device=labels_B.device)
    return (margin - squares_BC.masked_fill(own_BC, 0.0).mean()).clamp(min=0)


class _Attraction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features_BD: Tensor, memory_CD: Tensor, labels_B: Tensor) -> Tensor:
        away_BD = features_BD - memory_CD.index_select(0, labels_B)
        ctx.save_for_backward(away_BD, labels_B)
        ctx.classes = len(memory_CD)
        return away_BD.square().sum() / 2 / len(away_BD)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        away_BD, labels_B = ctx.saved_tensors
        batch = len(away_BD)
        members_BC = torch.nn.functional.one_hot(labels_B, ctx.classes).to(away_BD)
        sums_CD = members_BC.T @ away_BD
        of_memory_CD = -sums_CD / (1 + members_BC.sum(dim=0)[:, None]) / batch
        return gradient * away_BD / batch, of_memory_CD, None
