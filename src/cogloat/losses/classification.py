"""Losses of classifiers on long-tailed data, and the class weights they take."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def ldam_margins(counts_C: Tensor, max_margin: float) -> Tensor:
    """Return margins proportional to n_c^(-1/4), the rarest class's being `max_margin`.

    Source: Cao et al. 2019. float32 [C].
    """
    raw_C = counts_C.double() ** -0.25
    return (raw_C * (max_margin / raw_C.max())).float()


def ldam_loss(
    cosines_BC: Tensor,
    labels_B: Tensor,
    margins_C: Tensor,
    scale: float,
    weights_C: Tensor | None = None,
) -> Tensor:
    """Return LDAM: cross-entropy of scaled cosines, the true class's less its margin.

    With weights the mean is divided by the sum of the batch's weights. Source: Cao et al. 2019.
    """
    margin_BC = F.one_hot(labels_B, len(margins_C)) * margins_C
    return F.cross_entropy(scale * (cosines_BC - margin_BC), labels_B, weights_C)


def inverse_frequency_weights(counts_C: Tensor) -> Tensor:
    """Return weights proportional to 1/n_c that sum to C, float32 [C]."""
    return _sum_to_classes(1 / counts_C.double())


def effective_number_weights(counts_C: Tensor, beta: float) -> Tensor:
    """Return weights proportional to (1-beta)/(1-beta^n_c) that sum to C (Cui et al. 2019)."""
    return _sum_to_classes((1 - beta) / (1 - beta ** counts_C.double()))


def _sum_to_classes(raw_C: Tensor) -> Tensor:
    return (raw_C * (len(raw_C) / raw_C.sum())).float()
