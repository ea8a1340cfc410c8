"""Shear, translation and rotation in grey levels: one nearest-neighbour gather for all three."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.data.augmentation.kinds import Kind
from cogloat.randomness import sent


def warp(levels: Tensor, kind_B: Tensor, magnitude_B: Tensor, fill: int) -> Tensor:
    """Apply to each image the motion of its kind.

    Args:
        levels: square images [B, 3, H, H], whole floats in 0..255.
        kind_B: from shear to rotation; on the host.
        magnitude_B: float64, likewise; slope, pixels (the fraction is cut off) or degrees,
            anticlockwise.
        fill: level outside.
    """
    size = levels.shape[-1]
    centred = torch.arange(size) - (size - 1) / 2
    shifts_B = (kind_B == Kind.TRANSLATE_X) | (kind_B == Kind.TRANSLATE_Y)
    magnitude_B = torch.where(shifts_B, magnitude_B.trunc(), magnitude_B)
    matrices = motions(kind_B, magnitude_B, size).float() / (size / 2)
    by_x, by_y, shift = matrices[:, :, :, None, None].unbind(dim=1)
    terms = (centred * by_x, centred[:, None] * by_y, shift)
    along, down, shift = (sent(term, levels.device) for term in terms)
    grid = (along + down).add_(shift).permute(0, 2, 3, 1)
    return F.grid_sample(levels - fill, grid, mode="nearest", align_corners=False) + fill


def motions(kind_B: Tensor, magnitude_B: Tensor, size: int) -> Tensor:
    """Return maps of centred output pixels (x, y, 1) to input pixels (x, y), [B, 3, 2].

    Shears leave the top left corner where it is, rotations the centre.
    """

    def only(kind: Kind, value: Tensor) -> Tensor:
        return torch.where(kind_B == kind, value, 0)

    shear_x, shear_y = only(Kind.SHEAR_X, magnitude_B), only(Kind.SHEAR_Y, magnitude_B)
    right, down = only(Kind.TRANSLATE_X, magnitude_B), only(Kind.TRANSLATE_Y, magnitude_B)
    angle = only(Kind.ROTATE, magnitude_B.deg2rad())
    entries = [
        *(angle.cos(), shear_y + angle.sin()),
        *(shear_x - angle.sin(), angle.cos()),
        *(shear_x * size / 2 - right, shear_y * size / 2 - down),
    ]
    return torch.stack(entries, dim=1).view(-1, 3, 2)
