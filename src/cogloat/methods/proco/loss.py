"""The ProCo loss (the paper's section 3.4, unnumbered): queries against class prototypes.

Shapes: A query views, B batch, C classes, D embedding, N coreset images, Q coreset views.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.ranks import ALONE, Ranks


def prototype_loss(
    views_ABD: Tensor, prototypes_QCD: Tensor, labels_B: Tensor, temperature: float
) -> Tensor:
    """Return the mean cross-entropy over all pairs of a query view and a prototype set."""
    # in bfloat16 a logit of 1/0.07 would be off by up to 0.04
    with torch.autocast(views_ABD.device.type, enabled=False):
        logits_AQBC = torch.einsum("abd,qcd->aqbc", views_ABD, prototypes_QCD) / temperature
    pairs = views_ABD.shape[0] * prototypes_QCD.shape[0]
    return F.cross_entropy(logits_AQBC.flatten(0, 2), labels_B.repeat(pairs))


def joint_loss(contrastive: Tensor, to_prototypes: Tensor, alpha: float) -> dict[str, Tensor]:
    """Return alpha of the one and 1 - alpha of the other, "loss", and both of them."""
    return {
        "loss": alpha * contrastive + (1 - alpha) * to_prototypes,
        "contrastive_loss": contrastive,
        "prototype_loss": to_prototypes,
    }


def class_prototypes(
    embeddings_ND: Tensor, labels_N: Tensor, classes: int, ranks: Ranks = ALONE
) -> Tensor:
    """Return the normalised mean embedding [C, D] of each class.

    Args:
        embeddings_ND: of a coreset.
        labels_N: their classes.
        classes: how many there are.
        ranks: each of which has embedded some of the images.

    Raises:
        ValueError: naming the classes without an image.
    """
    counts_C = ranks.total(torch.bincount(labels_N, minlength=classes))
    if (counts_C == 0).any():
        empty = torch.nonzero(counts_C == 0).flatten().tolist()
        raise ValueError(f"classes without an image have no prototype: {empty}")
    members_CN = F.one_hot(labels_N, classes).T.to(embeddings_ND.dtype)
    sums_CD = ranks.total(members_CN @ embeddings_ND)
    return F.normalize(sums_CD / counts_C[:, None], dim=1)
