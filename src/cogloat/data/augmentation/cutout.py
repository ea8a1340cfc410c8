"""Cutout (DeVries & Taylor 2017): a black square at a random place of each image."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_centres(batch: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw the squares' centres among the pixels of square images, int64 [2, B]: row, column."""
    return torch.randint(0, size, (2, batch), generator=generator, device=generator.device)


def cutout(images: Tensor, centres_2B: Tensor, side: int) -> Tensor:
    """Blacken squares of `side` pixels; what lies beyond the border is cut off."""
    batch, channels, _, size = images.shape
    reach = torch.arange(side, device=images.device) - side // 2
    # a pixel beyond the border moves onto it: there the square reaches the border anyhow
    rows_BS, columns_BS = (centres_2B[:, :, None] + reach).clamp(0, size - 1)
    image = torch.arange(batch, device=images.device)[:, None, None]
    pixels = (image * size + rows_BS[:, :, None]) * size + columns_BS[:, None, :]
    out = images.clone(memory_format=torch.channels_last)
    out.permute(0, 2, 3, 1).view(-1, channels).index_fill_(0, pixels.flatten(), 0)
    return out
