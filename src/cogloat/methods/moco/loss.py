"""The contrastive losses: eq. 1 of the paper (CoGloAT), KCL, and what lies between them.

Shapes: B anchors, D embedding, P positives outside the queue, K negatives (the queue, or keys).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from cogloat.data.sampling import choose
from cogloat.models.momentum import NO_LABEL


def contrastive_loss(
    query_BD: Tensor,
    positives_BPD: Tensor,
    negatives_KD: Tensor,
    temperature: float | Tensor,
    queue_positives_BK: Tensor | None = None,
    *,
    separate: bool,
    negative_mask_BK: Tensor | None = None,
    weights_B: Tensor | None = None,
) -> Tensor:
    """Return the mean over anchors of the mean of -log p over an anchor's positives.

    With `separate`, a positive outside the queue competes with the negatives alone (eq. 1):
    p_j = e_j / (e_j + sum_n e_n), and a positive in the queue with the own key and the queue.
    Otherwise all share the denominator sum_j e_j + sum_n e_n (KCL, Kang et al. 2021).

    Args:
        query_BD: unit embeddings of the anchors, with gradient.
        positives_BPD: unit embeddings of the own key, then of further positives.
        negatives_KD: unit embeddings of the queue or the batch.
        temperature: one, or one an anchor [B].
        queue_positives_BK: which entries of `negatives_KD` are positives of an anchor.
        separate: whether positives outside the queue compete with each other.
        negative_mask_BK: which entries of `negatives_KD` an anchor does not see at all.
        weights_B: factors of the anchors' losses; the mean is over anchors all the same.

    Returns:
        A scalar.
    """
    tau_B1 = temperature.reshape(-1, 1) if isinstance(temperature, Tensor) else temperature
    scaled_BD = query_BD / tau_B1
    # in bfloat16 a logit of 1/0.07 would be off by up to 0.04
    with torch.autocast(query_BD.device.type, enabled=False):
        positive_BP = torch.einsum("bd,bpd->bp", scaled_BD, positives_BPD)
        negative_BK = scaled_BD @ negatives_KD.T
    negatives_B1 = _logsumexp(negative_BK, negative_mask_BK)
    if separate:
        denominator_BP = torch.logaddexp(positive_BP, negatives_B1)
        shared_B1 = denominator_BP[:, :1]
    else:
        shared_B1 = torch.logaddexp(positive_BP.logsumexp(dim=1, keepdim=True), negatives_B1)
        denominator_BP = shared_B1
    log_p_B = (positive_BP - denominator_BP).sum(dim=1)
    found_B = torch.full_like(log_p_B, positive_BP.shape[1])
    if queue_positives_BK is not None:
        log_p_BK = torch.where(queue_positives_BK, negative_BK - shared_B1, 0.0)
        log_p_B = log_p_B + log_p_BK.sum(dim=1)
        found_B = found_B + queue_positives_BK.sum(dim=1)
    return -weighted(log_p_B / found_B, weights_B).mean()


def choose_queue_positives(
    labels_B: Tensor,
    queue_labels_K: Tensor,
    k: int | Literal["all", "none"],
    lots_Bk: Tensor | None,
) -> Tensor:
    """Choose up to k same-class queue entries an anchor, uniformly without replacement.

    Args:
        labels_B: classes of the anchors.
        queue_labels_K: classes of the queue's entries; -1 marks one without a class.
        k: their number, at least 1, or all, or none.
        lots_Bk: from `draw_lots`, on the labels' device.

    Returns:
        A mask [B, K].
    """
    same_BK = (labels_B[:, None] == queue_labels_K) & (queue_labels_K != NO_LABEL)
    return choose(same_BK, k, lots_Bk)


def weighted(values_B: Tensor, weights_B: Tensor | None) -> Tensor:
    """Return the anchors' values times their weights, or as they are without any."""
    return values_B if weights_B is None else weights_B * values_B


def _logsumexp(logits_BK: Tensor, mask_BK: Tensor | None) -> Tensor:
    """Return log-sum-exp [B, 1] without what the mask hides.

    Where that is everything it is -inf, with a zero gradient.
    """
    if mask_BK is None:
        return logits_BK.logsumexp(dim=1, keepdim=True)
    empty_B1 = mask_BK.all(dim=1, keepdim=True)
    seen_BK = logits_BK.masked_fill(mask_BK & ~empty_B1, -torch.inf)
    return seen_BK.logsumexp(dim=1, keepdim=True).masked_fill(empty_B1, -torch.inf)
