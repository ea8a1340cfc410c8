"""BCL's contrastive loss (Zhu et al. 2022): every class weighs alike in the denominator.

Shapes: N embeddings, C classes, D embedding, A = N + C embeddings and class centres.
"""

from __future__ import annotations

import torch
from torch import Tensor


def bcl_loss(
    embeddings_ND: Tensor, labels_N: Tensor, centres_CD: Tensor, temperature: float
) -> Tensor:
    """Return the mean over anchors of the mean of -log p over an anchor's positives.

    Positives are the other embeddings of the class and its centre (class complement). In the
    denominator each class has the mean of its items' exponentials, its centre among them and the
    anchor left out (class averaging).

    Args:
        embeddings_ND: unit embeddings of the batch's views; each is an anchor.
        labels_N: their classes.
        centres_CD: unit class centres.
        temperature: of the similarities.

    Returns:
        A scalar.
    """
    classes = torch.arange(len(centres_CD), device=labels_N.device)
    labels_A = torch.cat([labels_N, classes])
    with torch.autocast(embeddings_ND.device.type, enabled=False):
        similar_NA = embeddings_ND @ torch.cat([embeddings_ND, centres_CD]).T / temperature
    itself_NA = torch.eye(*similar_NA.shape, dtype=torch.bool, device=labels_N.device)
    same_NA = labels_N[:, None] == labels_A
    items_A = (labels_A[:, None] == labels_A).sum(dim=1)
    items_NA = items_A - same_NA.long()
    averaged_NA = (similar_NA - items_NA.to(similar_NA).log()).masked_fill(itself_NA, -torch.inf)
    log_p_NA = similar_NA - averaged_NA.logsumexp(dim=1, keepdim=True)
    positives_NA = same_NA & ~itself_NA
    found_N = positives_NA.sum(dim=1)
    return -(torch.where(positives_NA, log_p_NA, 0.0).sum(dim=1) / found_N).mean()
