"""Grey levels and the unit range, to the same bits on every device."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from cogloat.config.dataset import GREY_LEVELS


def to_unit_range(images: Tensor) -> Tensor:
    """Map uint8 to float32 in 0..1; what is float already stays as it is."""
    return images if images.is_floating_point() else divide_levels(images.to(torch.float32))


def divide_levels(levels: Tensor) -> Tensor:
    """Map 0..255 to 0..1 in place.

    The divisor is a tensor: a number's reciprocal is what a GPU would multiply by.
    """
    return levels.div_(_grey_levels(levels.device, levels.dtype))


@cache
def _grey_levels(device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(GREY_LEVELS, dtype=dtype, device=device)
