"""Operations that map each grey level to another: a table for each channel, one gather for all."""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.data.augmentation.colour import grey
from cogloat.data.augmentation.mixing import blend
from cogloat.randomness import sent

LEVELS = 256


def look_up(levels: Tensor, sizes: list[int], magnitude_B: Tensor) -> Tensor:
    """Apply brightness to the first images, contrast to the next, and so on by `TABLES`.

    Args:
        levels: [B, 3, H, W], whole floats in 0..255.
        sizes: number of images for each of `TABLES`.
        magnitude_B: float64, on the host; factor less 1, bits kept, threshold or levels added.
    """
    levels_B3P = levels.flatten(2)
    parts = zip(
        TABLES, levels_B3P.split(sizes), magnitude_B[:, None, None].split(sizes), strict=True
    )
    tables = [table(*part).expand(-1, 3, -1) for table, *part in parts if len(part[0])]
    return torch.cat(tables).gather(2, levels_B3P.long()).view(levels.shape)


def _brightness(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    old = _old(levels_B3P)
    return blend(old, torch.zeros_like(old), 1 + magnitude_B11)


def _contrast(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    mean_B11 = grey(levels_B3P).floor().mean(dim=2, keepdim=True)
    return blend(_old(levels_B3P), mean_B11, 1 + magnitude_B11)


def _posterize(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    old = _old(levels_B3P)
    return old - old % sent(2 ** (8 - magnitude_B11.float()), old.device)


def _solarize(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    old = _old(levels_B3P)
    return torch.where(old >= sent(magnitude_B11.float(), old.device), 255 - old, old)


def _autocontrast(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    """Stretch the channel's range to 0..255; a channel of one level stays."""
    old = _old(levels_B3P)
    low, high = levels_B3P.amin(dim=2, keepdim=True), levels_B3P.amax(dim=2, keepdim=True)
    stretched = ((old - low) * (255 / (high - low))).clamp(0, 255).floor()
    return torch.where(high == low, old, stretched)


def _equalize(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    """Make the channel's levels equally frequent, in steps of whole pixel counts.

    The step is a 255th of the pixels below the channel's highest level. Where that is less than one
    pixel, the channel stays.
    """
    counts = _histogram(levels_B3P.long())
    highest = levels_B3P.amax(dim=2, keepdim=True).long()
    step = (levels_B3P.shape[2] - counts.gather(2, highest)) // 255
    below = counts.cumsum(dim=2) - counts
    equal = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    return torch.where(step == 0, _old(levels_B3P), equal)


def _invert(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    return (255 - _old(levels_B3P)).expand(len(levels_B3P), 1, -1)


def _solarize_add(levels_B3P: Tensor, magnitude_B11: Tensor) -> Tensor:
    """Brighten the darker half of the levels."""
    old = _old(levels_B3P)
    brighter = (old + sent(magnitude_B11.float(), old.device)).clamp(max=LEVELS - 1)
    return torch.where(old < LEVELS // 2, brighter, old)


TABLES = (
    *(_brightness, _contrast, _posterize, _solarize, _autocontrast, _equalize, _invert),
    _solarize_add,
)


def _old(levels: Tensor) -> Tensor:
    return torch.arange(LEVELS, device=levels.device, dtype=levels.dtype)


def _histogram(places_B3P: Tensor) -> Tensor:
    """Count each channel's pixels of every level, [B, 3, 256]."""
    counts = places_B3P.new_zeros((*places_B3P.shape[:2], LEVELS))
    return counts.scatter_add_(2, places_B3P, torch.ones_like(places_B3P))
