"""Whether an encoder tells an image's own key by the batch that it passed in.

In a momentum pair the own key is of the query's batch, and the keys of the queue are of earlier
ones. Batch statistics that mark the batch mark the positive: it is then found more often with them
than with running ones. Groups of the batch and shuffled keys are against that (He et al. 2020,
section 3.3).

Shapes: S batches, B images of each, K keys of other batches, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Pair:
    """Two augmented views of a batch.

    Attributes:
        queries: [B, 3, H, W].
        keys: of the same images, in the same order.
        order_B: in which the keys pass the encoder.
    """

    queries: Tensor
    keys: Tensor
    order_B: Tensor


@torch.no_grad()
def own_key_retrieval(encoder: nn.Module, pairs: Iterable[Pair], queue: int) -> float:
    """Return the percentage of queries to which the own key is nearest, among it and a queue.

    Args:
        encoder: images to unit embeddings; in training mode it takes the batch's statistics, and
            its running ones move.
        pairs: at least two batches, equally large.
        queue: how many keys of the batches before compete, if there are as many; before the first
            batch comes the last.
    """
    views = [_embed(encoder, pair) for pair in pairs]
    queries_SBD, keys_SBD = (torch.stack(own).double() for own in zip(*views, strict=True))
    steps, batch = keys_SBD.shape[:2]
    earlier = min(max(queue // batch, 1), steps - 1)
    found = []
    for step, (queries_BD, own_BD) in enumerate(zip(queries_SBD, keys_SBD, strict=True)):
        before = [(step - 1 - n) % steps for n in range(earlier)]
        found.append(own_is_nearest(queries_BD, own_BD, keys_SBD[before].flatten(0, 1)))
    return 100 * float(torch.cat(found).double().mean())


def own_is_nearest(queries_BD: Tensor, own_BD: Tensor, others_KD: Tensor) -> Tensor:
    """Return whether each query's own key has a larger cosine than every other key [B]."""
    own_B = (queries_BD * own_BD).sum(dim=1)
    return own_B > (queries_BD @ others_KD.T).amax(dim=1)


def _embed(encoder: nn.Module, pair: Pair) -> tuple[Tensor, Tensor]:
    """Return the queries' and the keys' embeddings [B, D], in the order of the images."""
    keys_BD = encoder(pair.keys[pair.order_B])
    return encoder(pair.queries), keys_BD[pair.order_B.argsort()]
