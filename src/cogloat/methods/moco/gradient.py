"""The gradient of the contrastive losses in the anchors' embeddings, in closed form and in parts.

The paper's eq. 2 to 7 are the gradient of SupCon's loss, with one denominator for all positives.
Here they are of the loss as it is, with separate denominators (eq. 1) or a shared one. As there,
the embedding is a free vector: the gradient is not projected onto the sphere.

Shapes: B anchors, D embedding, P positives outside the queue, K negatives (the queue, or keys).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Gradient(NamedTuple):
    """Parts [B, D] of each anchor's gradient, times its temperature as in eq. 3 to 7.

    Attributes:
        positive: along the positives, those in the queue included (eq. 3).
        false_negative: along negatives of the anchor's class (eq. 7).
        true_negative: along negatives of other classes (eq. 7).
        temperature_B: by which their sum is divided (eq. 5).
    """

    positive: Tensor
    false_negative: Tensor
    true_negative: Tensor
    temperature_B: Tensor

    @property
    def negative(self) -> Tensor:
        """Along all negatives [B, D] (eq. 4 and 6)."""
        return self.false_negative + self.true_negative

    @property
    def total(self) -> Tensor:
        """Of the anchor's loss [B, D] (eq. 2 and 5)."""
        return (self.positive + self.negative) / self.temperature_B[:, None]


def contrastive_gradient(
    query_BD: Tensor,
    positives_BPD: Tensor,
    negatives_KD: Tensor,
    temperature: Tensor,
    queue_positives_BK: Tensor,
    same_class_BK: Tensor,
    *,
    separate: bool,
    negative_mask_BK: Tensor | None = None,
    weights_B: Tensor | None = None,
) -> Gradient:
    """Return the gradient of each anchor's own term of `contrastive_loss`, not of their mean.

    An anchor with f positives has f terms -log(e_p / D) / f, and each denominator D pushes it along
    what it holds: a positive has the weight (its shares of the denominators that it is in - 1) / f,
    a negative its shares of all denominators / f.

    Args:
        query_BD: unit embeddings of the anchors.
        positives_BPD: unit embeddings of the own key, then of further positives.
        negatives_KD: unit embeddings of the queue or the batch.
        temperature: one an anchor [B].
        queue_positives_BK: which entries of `negatives_KD` are positives of an anchor.
        same_class_BK: which entries of `negatives_KD` are of an anchor's class.
        separate: whether positives outside the queue compete with each other.
        negative_mask_BK: which entries of `negatives_KD` an anchor does not see at all.
        weights_B: factors of the anchors' losses; the temperature is then divided by them.
    """
    scaled_BD = query_BD / temperature[:, None]
    with torch.autocast(query_BD.device.type, enabled=False):
        positive_BP = torch.einsum("bd,bpd->bp", scaled_BD, positives_BPD)
        seen_BK = scaled_BD @ negatives_KD.T
    if negative_mask_BK is not None:
        seen_BK = seen_BK.masked_fill(negative_mask_BK, -torch.inf)
    negatives_B1 = seen_BK.logsumexp(dim=1, keepdim=True)
    found_B1 = queue_positives_BK.sum(dim=1, keepdim=True).to(query_BD.dtype)
    terms_B1 = positive_BP.shape[1] + found_B1
    if separate:
        denominator_BP = torch.logaddexp(positive_BP, negatives_B1)
        uses_BP = torch.ones_like(positive_BP)  # how many terms a denominator has
        uses_BP[:, :1] += found_B1
        positive_share_BP = uses_BP * (positive_BP - denominator_BP).exp()
        share_of_all_B1 = (uses_BP.log() - denominator_BP).logsumexp(dim=1, keepdim=True)
    else:
        shared_B1 = torch.logaddexp(positive_BP.logsumexp(dim=1, keepdim=True), negatives_B1)
        positive_share_BP = terms_B1 * (positive_BP - shared_B1).exp()
        share_of_all_B1 = terms_B1.log() - shared_B1
    weight_BP = (positive_share_BP - 1) / terms_B1
    weight_BK = ((seen_BK + share_of_all_B1).exp() - queue_positives_BK.to(seen_BK)) / terms_B1
    false_BK = same_class_BK & ~queue_positives_BK
    return Gradient(
        positive=torch.einsum("bp,bpd->bd", weight_BP, positives_BPD)
        + (weight_BK * queue_positives_BK) @ negatives_KD,
        false_negative=(weight_BK * false_BK) @ negatives_KD,
        true_negative=(weight_BK * ~same_class_BK) @ negatives_KD,
        temperature_B=temperature if weights_B is None else temperature / weights_B,
    )
