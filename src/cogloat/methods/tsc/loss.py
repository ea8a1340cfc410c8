"""TSC's loss (Li et al. 2022): KCL with fixed targets among the keys, one a positive.

Shapes: B anchors, C classes, D embedding, K queue entries.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.methods.moco.loss import weighted


def tsc_loss(
    queries_BD: Tensor,
    own_BD: Tensor,
    queue_KD: Tensor,
    queue_positives_BK: Tensor,
    targets_CD: Tensor,
    assigned_B: Tensor,
    temperature: float | Tensor,
    weight: float,
    divisor: Literal["positives_and_target", "positives"],
    weights_B: Tensor | None = None,
    negative_mask_BK: Tensor | None = None,
) -> Tensor:
    """Return the mean over anchors of -(sum_p log p + weight log p_target), divided as `divisor`.

    All probabilities share the denominator: own key, queue and all targets. With P positives (the
    own key and those found in the queue), the official code divides both terms by P + 1; the paper
    divides the sum by P and leaves the target's term as it is.

    Args:
        queries_BD: unit embeddings of the anchors, with gradient.
        own_BD: their own keys.
        queue_KD: the queue.
        queue_positives_BK: which entries are an anchor's positives.
        targets_CD: unit targets.
        assigned_B: the target of each anchor's class.
        temperature: one, or one an anchor [B].
        weight: lambda.
        divisor: as the official code, or as the paper.
        weights_B: factors of the anchors' losses; the mean is over anchors all the same.
        negative_mask_BK: which entries of the queue an anchor does not see at all.

    Returns:
        A scalar.
    """
    tau_B1 = temperature.reshape(-1, 1) if isinstance(temperature, Tensor) else temperature
    scaled_BD = queries_BD / tau_B1
    with torch.autocast(queries_BD.device.type, enabled=False):
        own_B1 = (scaled_BD * own_BD).sum(dim=1, keepdim=True)
        others_BA = scaled_BD @ torch.cat([queue_KD, targets_CD]).T
    if negative_mask_BK is not None:
        unseen_BA = F.pad(negative_mask_BK, (0, len(targets_CD)))
        others_BA = others_BA.masked_fill(unseen_BA, -torch.inf)
    log_p_BA = torch.cat([own_B1, others_BA], dim=1).log_softmax(dim=1)
    queue_BK = log_p_BA[:, 1 : 1 + len(queue_KD)]
    positives_B = log_p_BA[:, 0] + torch.where(queue_positives_BK, queue_BK, 0.0).sum(dim=1)
    target_B = log_p_BA[:, 1 + len(queue_KD) :].gather(1, assigned_B[:, None])[:, 0]
    found_B = 1 + queue_positives_BK.sum(dim=1)
    if divisor == "positives":
        log_p_B = positives_B / found_B + weight * target_B
    else:
        log_p_B = (positives_B + weight * target_B) / (found_B + 1)
    return -weighted(log_p_B, weights_B).mean()
