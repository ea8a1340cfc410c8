"""The momentum pair and its queue of labelled keys (He et al. 2020; Kang et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NO_LABEL = -1


@torch.no_grad()
def momentum_update(key: nn.Module, query: nn.Module, m: float) -> None:
    """Move the key encoder's parameters: key <- m key + (1 - m) query. Buffers stay."""
    torch._foreach_lerp_(list(key.parameters()), list(query.parameters()), 1 - m)


class LabelQueue(nn.Module):
    """The last K keys and their labels; random unit vectors until filled."""

    keys: Tensor
    labels: Tensor
    pointer: Tensor

    def __init__(self, size: int, features: int, classes: int = 0) -> None:
        """Begin with random keys.

        Args:
            size: how many.
            features: of a key.
            classes: from which they have random labels; by default they have none.
        """
        super().__init__()
        self.register_buffer("keys", F.normalize(torch.randn(size, features), dim=1))
        self.register_buffer("labels", torch.full((size,), NO_LABEL))
        if classes:
            self.labels.random_(classes)
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, keys_BD: Tensor, labels_B: Tensor) -> None:
        """Replace the oldest keys by a batch's.

        Raises:
            ValueError: if the queue's length is not a multiple of the batch.
        """
        size, batch = len(self.keys), len(keys_BD)
        if batch == 0 or size % batch:
            raise ValueError(f"the queue's length {size} is not a multiple of the batch {batch}")
        places = (self.pointer + torch.arange(batch, device=self.pointer.device)) % size
        self.keys.index_copy_(0, places, keys_BD.to(self.keys.dtype))
        self.labels.index_copy_(0, places, labels_B)
        self.pointer.copy_((self.pointer + batch) % size)
