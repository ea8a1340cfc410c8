"""BCL's contrastive loss (Zhu et al. 2022): every class weighs alike in the denominator.

Shapes: N embeddings, C classes, D embedding, A = N + C embeddings and class centres.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.ranks import Part


def bcl_loss(
    embeddings_ND: Tensor,
    labels_N: Tensor,
    centres_CD: Tensor,
    temperature: float,
    anchors: Part | None = None,
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
        anchors: which of the embeddings are; by default all, else their share of the mean results.

    Returns:
        A scalar.
    """
    anchors = anchors or Part(0, len(embeddings_ND), len(embeddings_ND))
    classes = torch.arange(len(centres_CD), device=labels_N.device)
    labels_A = torch.cat([labels_N, classes])
    items_A = (labels_A[:, None] == labels_A).sum(dim=1)
    own_ND, own_labels_N = anchors.of(embeddings_ND), anchors.of(labels_N)
    with torch.autocast(embeddings_ND.device.type, enabled=False):
        similar_NA = own_ND @ torch.cat([embeddings_ND, centres_CD]).T / temperature
    places_A = torch.arange(len(labels_A), device=labels_N.device)
    itself_NA = anchors.of(places_A[: len(labels_N)])[:, None] == places_A
    same_NA = own_labels_N[:, None] == labels_A
    items_NA = items_A - same_NA.long()
    averaged_NA = (similar_NA - items_NA.to(similar_NA).log()).masked_fill(itself_NA, -torch.inf)
    log_p_NA = similar_NA - averaged_NA.logsumexp(dim=1, keepdim=True)
    positives_NA = same_NA & ~itself_NA
    found_N = positives_NA.sum(dim=1)
    return -anchors.mean(torch.where(positives_NA, log_p_NA, 0.0).sum(dim=1) / found_N)
