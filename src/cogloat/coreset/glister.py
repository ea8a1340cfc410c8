"""GLISTER (Killamsetty et al. 2021), per class, exact greedy, on the last layer.

A last-layer gradient is the outer product of r = softmax - one-hot and the features with a one
appended, so gains and updates need products of [N, C] and [N, D] matrices only.
Shapes: N candidates and M validation images of a class, C classes, D features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def coreset_budgets(counts: Sequence[int], fraction: float, floor: int) -> list[int]:
    """Return how many images each class keeps: the fraction, rounded up, but at least the floor.

    A class with fewer images than the floor keeps them all.
    """
    return [max(math.ceil(fraction * n - 1e-9), min(n, floor)) for n in counts]


def glister_select(
    features_ND: Tensor,
    logits_NC: Tensor,
    labels_N: Tensor,
    val_features_MD: Tensor,
    val_logits_MC: Tensor,
    val_labels_M: Tensor,
    budgets: Sequence[int],
    eta: float,
) -> Tensor:
    """Select each class's images against the same class's validation images.

    Args:
        features_ND: penultimate features of the candidates.
        logits_NC: their scores under the proxy's last layer.
        labels_N: their classes.
        val_features_MD: the same of the validation images.
        val_logits_MC: the same.
        val_labels_M: the same.
        budgets: images to keep, a class; more than there are keeps all.
        eta: step size of the imagined gradient step on the selected images.

    Returns:
        Positions among the candidates, class by class, in the order of selection.

    Raises:
        ValueError: naming the classes without a budget, a candidate or a validation image.
    """
    _require_images(budgets, labels_N, val_labels_M)
    selected = []
    for label, budget in enumerate(budgets):
        own = torch.nonzero(labels_N == label).flatten()
        validation = torch.nonzero(val_labels_M == label).flatten()
        chosen = greedy(
            _with_bias(features_ND[own]),
            _errors(logits_NC[own], label),
            _with_bias(val_features_MD[validation]),
            val_logits_MC[validation].double(),
            label,
            min(budget, len(own)),
            eta,
        )
        selected.append(own[chosen])
    return torch.cat(selected)


def greedy(
    features_ND: Tensor,
    errors_NC: Tensor,
    val_features_MD: Tensor,
    val_logits_MC: Tensor,
    label: int,
    budget: int,
    eta: float,
) -> Tensor:
    """Pick, `budget` times, the candidate whose gradient aligns best with the validation loss's.

    After each pick the validation logits are those after one more step of size eta on it:
    out_v <- out_v - eta (h_e . h_v) r_e, with features that end in a one for the bias.
    """
    left_N = torch.ones(len(features_ND), dtype=torch.bool, device=features_ND.device)
    logits_MC = val_logits_MC.clone()
    picks = []
    for _ in range(budget):
        gains_N = gains(features_ND, errors_NC, val_features_MD, _errors(logits_MC, label))
        pick = gains_N.masked_fill(~left_N, -torch.inf).argmax()
        left_N[pick] = False
        picks.append(pick)
        alignment_M = val_features_MD @ features_ND[pick]
        logits_MC -= eta * alignment_M[:, None] * errors_NC[pick]
    return torch.stack(picks)


def gains(
    features_ND: Tensor, errors_NC: Tensor, val_features_MD: Tensor, val_errors_MC: Tensor
) -> Tensor:
    """Return g_e . g_V for every candidate [N], without materialising a gradient."""
    gradient_CD = val_errors_MC.T @ val_features_MD / len(val_features_MD)
    return ((features_ND @ gradient_CD.T) * errors_NC).sum(dim=1)


def _require_images(budgets: Sequence[int], labels_N: Tensor, val_labels_M: Tensor) -> None:
    classes = len(budgets)
    fewest_C = torch.as_tensor(budgets, device=labels_N.device)
    for labels in (labels_N, val_labels_M):
        fewest_C = fewest_C.minimum(torch.bincount(labels, minlength=classes)[:classes])
    empty = torch.nonzero(fewest_C < 1).flatten().tolist()
    if empty:
        raise ValueError(f"classes without a budget, a candidate or a validation image: {empty}")


def _errors(logits_NC: Tensor, label: int) -> Tensor:
    """Return softmax - one-hot, float64."""
    errors_NC = logits_NC.double().softmax(dim=1)
    errors_NC[:, label] -= 1
    return errors_NC


def _with_bias(features_ND: Tensor) -> Tensor:
    return F.pad(features_ND.double(), (0, 1), value=1.0)
