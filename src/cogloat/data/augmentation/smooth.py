"""Shear, translation and rotation in grey levels, as Pillow interpolates: by lines or by cubes.

An output pixel whose place is outside the image is filled; inside, what a filter would see beyond
the border is the border's pixel. Pillow's cubes have the parameter -1, and neither torch's (-0.75)
nor those it scales by (-0.5).
"""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.config.augmentation import Levels
from cogloat.data.augmentation.warp import motions
from cogloat.randomness import sent

TAPS = range(-1, 3)  # pixels of a filter, from the one at or before the place
ROUNDING = 1e-3  # of a level, so that the sum of what makes up a whole level is not cut below it


def warp(
    levels: Tensor, kind_B: Tensor, magnitude_B: Tensor, cubic_B: Tensor, fill: Levels
) -> Tensor:
    """Apply to each image the motion of its kind; fractions of a level are cut off.

    Args:
        levels: square images [B, 3, H, H], whole floats in 0..255.
        kind_B: from shear to rotation; on the host.
        magnitude_B: float64, likewise; slope, pixels or degrees, anticlockwise.
        cubic_B: interpolated by cubes, else by lines; likewise.
        fill: level of each channel outside.
    """
    device, size = levels.device, levels.shape[-1]
    centred = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    by_x, by_y, shift = motions(kind_B, magnitude_B, size)[..., None, None].unbind(dim=1)
    terms = (centred * by_x, centred[:, None] * by_y, shift + size / 2)
    along, down, shift = (sent(term, device) for term in terms)
    places_B2HW = (along + down).add_(shift)
    inside_BHW = ((places_B2HW >= 0) & (places_B2HW < size)).all(dim=1)
    places_B2HW -= 0.5
    first_B2HW = places_B2HW.floor()
    share_B2HW = (places_B2HW - first_B2HW).float()
    first_B2HW = first_B2HW.long()
    weights = _weights(share_B2HW, sent(cubic_B[:, None, None, None], device))
    of_columns, of_rows = weights.unbind(dim=2)
    columns, rows = first_B2HW.unbind(dim=1)

    flat_B3P = levels.flatten(2)
    out = torch.zeros_like(levels)
    for tap_y, weight_y in zip(TAPS, of_rows, strict=True):
        row_BHW = (rows + tap_y).clamp(0, size - 1) * size
        for tap_x, weight_x in zip(TAPS, of_columns, strict=True):
            place_B1P = (row_BHW + (columns + tap_x).clamp(0, size - 1)).flatten(1)[:, None]
            taken = flat_B3P.gather(2, place_B1P.expand(-1, 3, -1)).view_as(levels)
            out.addcmul_(taken, (weight_x * weight_y)[:, None])
    filled_311 = sent(torch.tensor(fill, dtype=levels.dtype).view(3, 1, 1), device)
    out = out.add_(ROUNDING).floor_().clamp_(0, 255)
    return torch.where(inside_BHW[:, None], out, filled_311)


def _weights(share: Tensor, cubic: Tensor) -> Tensor:
    """Return the weights of the four pixels about a place, [4, ...].

    Args:
        share: how far the place is from the second pixel to the third, in 0..1.
        cubic: whether the polynomial is of the third degree, else the two next are mixed.
    """
    square, cube = share**2, share**3
    by_cubes = (
        -share + 2 * square - cube,
        1 - 2 * square + cube,
        share + square - cube,
        cube - square,
    )
    by_lines = (torch.zeros_like(share), 1 - share, share, torch.zeros_like(share))
    return torch.stack(
        [torch.where(cubic, ours, theirs) for ours, theirs in zip(by_cubes, by_lines, strict=True)]
    )
