"""Mixtures of images with a poorer version of themselves, in grey levels (whole floats, 0..255)."""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.data.augmentation.colour import grey
from cogloat.randomness import sent


def blend(levels: Tensor, poorer: Tensor, factor: Tensor) -> Tensor:
    """Scale the distance from the poorer version; fractions of a level are cut off.

    Args:
        levels: in the shape of an image or a table.
        poorer: broadcasts with them.
        factor: 1 changes nothing; on the host, and float64, so that its complement is exact too.
    """
    own, others = sent(torch.stack([factor, 1 - factor]).float(), levels.device)
    return (own * levels).add_(others * poorer).clamp_(0, 255).floor_()


def color(levels: Tensor, factor_B111: Tensor) -> Tensor:
    """Scale the distance from each pixel's grey."""
    return blend(levels, grey(levels).floor(), factor_B111)


def sharpness(levels: Tensor, factor_B111: Tensor) -> Tensor:
    """Scale the distance from the smoothed image, whose border is not smoothed."""
    inside = levels[..., 1:-1, 1:-1]
    rows = levels[..., :-2, :] + levels[..., 1:-1, :] + levels[..., 2:, :]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = levels.clone()
    smooth[..., 1:-1, 1:-1] = ((sums + 4 * inside) / 13).round()
    return blend(levels, smooth, factor_B111)
