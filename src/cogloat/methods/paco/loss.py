"""PaCo's loss (Cui et al. 2021): class scores and pairs of embeddings in one softmax.

Shapes: B queries, C classes, D embedding, M embeddings that a query is compared with.
"""

from __future__ import annotations

import torch
from torch import Tensor


def paco_loss(
    queries_BD: Tensor,
    others_MD: Tensor,
    labels_B: Tensor,
    other_labels_M: Tensor,
    adjusted_BC: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    """Return the mean over queries of -(log p_class + alpha sum log p_pair) / (1 + alpha P).

    The P pairs of a query are the others of its class. Every probability has one denominator: the
    exponentials of the class scores and of all similarities but the query's with itself.

    Args:
        queries_BD: unit embeddings, with gradient.
        others_MD: unit embeddings; the first B are the queries themselves.
        labels_B: classes of the queries.
        other_labels_M: classes of the others; -1 is no class.
        adjusted_BC: class scores plus the log of the classes' shares.
        alpha: weight of one pair; beta and gamma of the official code are 1, as in every recipe.
        temperature: of the similarities alone.

    Returns:
        A scalar.
    """
    with torch.autocast(queries_BD.device.type, enabled=False):
        similar_BM = queries_BD @ others_MD.T / temperature
    itself_BM = torch.eye(*similar_BM.shape, dtype=torch.bool, device=similar_BM.device)
    seen_BM = similar_BM.masked_fill(itself_BM, -torch.inf)
    log_denominator_B1 = torch.cat([adjusted_BC, seen_BM], dim=1).logsumexp(dim=1, keepdim=True)
    class_B = (adjusted_BC - log_denominator_B1).gather(1, labels_B[:, None])[:, 0]
    pairs_BM = (labels_B[:, None] == other_labels_M) & ~itself_BM
    pair_B = torch.where(pairs_BM, similar_BM - log_denominator_B1, 0.0).sum(dim=1)
    found_B = pairs_BM.sum(dim=1, dtype=pair_B.dtype)
    return -((class_B + alpha * pair_B) / (1 + alpha * found_B)).mean()
