"""Gaussian blur of a batch, each image with a width of its own."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.data.augmentation.geometry import draw_uniform


def draw_sigma(batch: int, sigma: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Draw standard deviations in pixels, [B]."""
    return draw_uniform((batch,), *sigma, generator)


def blur(images: Tensor, sigma_B: Tensor, kernel: int) -> Tensor:
    """Convolve with a Gaussian cut off after `kernel` pixels, borders mirrored."""
    offsets = torch.arange(kernel, device=images.device) - (kernel - 1) / 2
    weights_BK = (-0.5 * (offsets / sigma_B[:, None]) ** 2).exp()
    weights_BK = weights_BK / weights_BK.sum(dim=1, keepdim=True)
    padded = F.pad(images, (kernel // 2,) * 4, mode="reflect")
    rows = torch.einsum("bchwk,bk->bchw", padded.unfold(3, kernel, 1), weights_BK)
    return torch.einsum("bchwk,bk->bchw", rows.unfold(2, kernel, 1), weights_BK)
