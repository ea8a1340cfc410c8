"""Gaussian blur of a batch, each image with a width of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.data.augmentation.bands import both_ways
from cogloat.data.augmentation.geometry import draw_uniform
from cogloat.randomness import sent


def draw_sigma(batch: int, sigma: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Draw standard deviations in pixels, [B]."""
    return draw_uniform((batch,), *sigma, generator)


def blur_some(images: Tensor, mask_B: Tensor, sigma_B: Tensor, kernel: int) -> Tensor:
    """Blur the images of the mask."""
    chosen_G = mask_B.nonzero()[:, 0]
    there_G = sent(chosen_G, images.device)
    blurred = blur(images.index_select(0, there_G), sigma_B[chosen_G], kernel)
    return images.index_copy(0, there_G, blurred)


def blur(images: Tensor, sigma_B: Tensor, kernel: int) -> Tensor:
    """Convolve with a Gaussian cut off after `kernel` pixels, borders mirrored.

    Along rows and along columns this is a product with one matrix an image, which has the kernel
    about its diagonal, and what lies beyond a border folded back.
    """
    matrix_BHH = sent(_bands(sigma_B, kernel, images.shape[-1]), images.device)
    return both_ways(matrix_BHH, images, matrix_BHH)


def _bands(sigma_B: Tensor, kernel: int, size: int) -> Tensor:
    """Return the matrices [B, size, size] that blur a column of pixels."""
    offsets_K = torch.arange(kernel) - kernel // 2
    weights_BK = (-0.5 * (offsets_K / sigma_B[:, None]) ** 2).exp()
    weights_BK = weights_BK / weights_BK.sum(dim=1, keepdim=True)
    source_HK = (torch.arange(size)[:, None] + offsets_K).abs()
    source_HK = torch.where(source_HK >= size, 2 * (size - 1) - source_HK, source_HK)
    source_BHK = source_HK.expand(len(sigma_B), -1, -1)
    weights_BHK = weights_BK[:, None].expand_as(source_BHK)
    return torch.zeros(len(sigma_B), size, size).scatter_add_(2, source_BHK, weights_BHK)
