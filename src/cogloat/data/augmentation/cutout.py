"""Cutout (DeVries & Taylor 2017): a black square at a random place of each image."""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.randomness import sent


def draw_centres(batch: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw the squares' centres among the pixels of square images, int64 [2, B]: row, column."""
    return torch.randint(0, size, (2, batch), generator=generator)


def cutout(images: Tensor, centres_2B: Tensor, side: int) -> Tensor:
    """Blacken squares of `side` pixels; what lies beyond the border is cut off."""
    size = images.shape[-1]
    offset_2BH = torch.arange(size) - centres_2B[:, :, None] + side // 2
    inside_2BH = ((offset_2BH >= 0) & (offset_2BH < side)).to(images.dtype)
    row_BH, column_BH = sent(inside_2BH, images.device)
    return images * (1 - row_BH[:, None, :, None] * column_BH[:, None, None, :])
