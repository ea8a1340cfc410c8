"""Losses of classifiers on long-tailed data, and the class weights they take."""

from __future__ import annotations

import torch
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


def focal_loss(
    scores_BC: Tensor, labels_B: Tensor, gamma: float, weights_C: Tensor | None = None
) -> Tensor:
    """Return the mean of (1 - e^-l)^gamma l, where l is an image's (weighted) cross-entropy.

    The softmax form of Lin et al. 2017 in Cao et al.'s code; the mean is over images. A gamma
    between 0 and 1 has no gradient at l = 0.
    """
    loss_B = F.cross_entropy(scores_BC, labels_B, weights_C, reduction="none")
    return ((-torch.expm1(-loss_B)) ** gamma * loss_B).mean()


def log_prior(counts_C: Tensor) -> Tensor:
    """Return log(n_c / N), float32 [C]: what Balanced Softmax adds to the scores in training."""
    return (counts_C.double() / counts_C.sum()).log().float()


def inverse_frequency_weights(counts_C: Tensor) -> Tensor:
    """Return weights proportional to 1/n_c that sum to C, float32 [C]."""
    return _sum_to_classes(1 / counts_C.double())


def effective_number_weights(counts_C: Tensor, beta: float) -> Tensor:
    """Return weights proportional to (1-beta)/(1-beta^n_c) that sum to C (Cui et al. 2019)."""
    return _sum_to_classes((1 - beta) / (1 - beta ** counts_C.double()))


def _sum_to_classes(raw_C: Tensor) -> Tensor:
    return (raw_C * (len(raw_C) / raw_C.sum())).float()
