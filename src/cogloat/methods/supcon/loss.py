"""The contrastive losses within a batch, where the views of all images are the anchors.

They are those of the room moco, with the batch itself in place of the queue. A batch of B images is
N = 2B embeddings: a view of each image, then another of each in the same order.

Shapes: D embedding, P images of the class from the whole set.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.methods.moco.loss import contrastive_loss


def batch_loss(
    embeddings_ND: Tensor,
    positives_NPD: Tensor,
    found_NN: Tensor,
    temperature: float | Tensor,
    *,
    separate: bool,
    weights_N: Tensor | None = None,
    own_N: Tensor | None = None,
) -> Tensor:
    """Return the mean over anchors of the mean of -log p over an anchor's positives.

    Positives are the other view of the image, images of the class from the whole set, and views of
    other images that are in the batch. All share one denominator: themselves and the rest of the
    batch, which is SupCon's L_out (Khosla et al. 2020). With `separate` (eq. 1), the other view,
    and each image of the whole set, competes with V_i alone: the batch without the anchor and
    without its other view, which would be counted twice, whatever the classes are. A positive of
    the batch is in V_i, and competes with it and with the other view.

    Args:
        embeddings_ND: unit embeddings.
        positives_NPD: unit embeddings of images of the class; P may be 0.
        found_NN: which views of other images are an anchor's positives.
        temperature: one, or one an anchor [N].
        separate: whether positives compete with each other.
        weights_N: factors of the anchors' losses; the mean is over anchors all the same.
        own_N: which of the embeddings are the anchors, both views of some images; by default all.
            The other arguments are of the anchors.

    Returns:
        A scalar; an anchor with nothing to compete with adds 0.
    """
    anchors_ND = rows(embeddings_ND, own_N)
    return contrastive_loss(
        anchors_ND,
        torch.cat([other_view(anchors_ND)[:, None], positives_NPD], dim=1),
        embeddings_ND,
        temperature,
        found_NN,
        separate=separate,
        negative_mask_BK=rows(same_image(embeddings_ND), own_N),
        weights_B=weights_N,
    )


def rows(tensor: Tensor, own_N: Tensor | None) -> Tensor:
    """Return the rows of the anchors, if these are not all."""
    return tensor if own_N is None else tensor.index_select(0, own_N)


def other_view(embeddings_ND: Tensor) -> Tensor:
    """Return the embedding of the other view of each one's image [N, D]."""
    return embeddings_ND.roll(len(embeddings_ND) // 2, dims=0)


def same_image(views_N: Tensor) -> Tensor:
    """Return which of the views [N, ...] are of one image, as a mask [N, N]."""
    images = torch.arange(len(views_N) // 2, device=views_N.device).repeat(2)
    return images[:, None] == images


def same_class_views(labels_N: Tensor) -> Tensor:
    """Return which views of other images are of an anchor's class, as a mask [N, N]."""
    return (labels_N[:, None] == labels_N) & ~same_image(labels_N)
