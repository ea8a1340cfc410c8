"""The laws of AutoAugment and RandAugment: operations and magnitudes for each image of a batch."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from cogloat.data.augmentation.geometry import draw_uniform
from cogloat.data.augmentation.kinds import BLENDS, SIGNED, WARPS, Kind
from cogloat.data.augmentation.steps import Steps

AUTOAUGMENT_BINS = 10
RANDAUGMENT_BINS = 31
TIMM = [kind for kind in Kind if kind != Kind.IDENTITY]  # what timm's RandAugment draws from
TIMM_HIGHEST = 10

# Cubuk et al. 2019, CIFAR-10: two steps a sub-policy, each kind, probability, magnitude's bin
CIFAR10 = (
    ((Kind.INVERT, 0.1, 0), (Kind.CONTRAST, 0.2, 6)),
    ((Kind.ROTATE, 0.7, 2), (Kind.TRANSLATE_X, 0.3, 9)),
    ((Kind.SHARPNESS, 0.8, 1), (Kind.SHARPNESS, 0.9, 3)),
    ((Kind.SHEAR_Y, 0.5, 8), (Kind.TRANSLATE_Y, 0.7, 9)),
    ((Kind.AUTOCONTRAST, 0.5, 0), (Kind.EQUALIZE, 0.9, 0)),
    ((Kind.SHEAR_Y, 0.2, 7), (Kind.POSTERIZE, 0.3, 7)),
    ((Kind.COLOR, 0.4, 3), (Kind.BRIGHTNESS, 0.6, 7)),
    ((Kind.SHARPNESS, 0.3, 9), (Kind.BRIGHTNESS, 0.7, 9)),
    ((Kind.EQUALIZE, 0.6, 0), (Kind.EQUALIZE, 0.5, 0)),
    ((Kind.CONTRAST, 0.6, 7), (Kind.SHARPNESS, 0.6, 5)),
    ((Kind.COLOR, 0.7, 7), (Kind.TRANSLATE_X, 0.5, 8)),
    ((Kind.EQUALIZE, 0.3, 0), (Kind.AUTOCONTRAST, 0.4, 0)),
    ((Kind.TRANSLATE_Y, 0.4, 3), (Kind.SHARPNESS, 0.2, 6)),
    ((Kind.BRIGHTNESS, 0.9, 6), (Kind.COLOR, 0.2, 8)),
    ((Kind.SOLARIZE, 0.5, 2), (Kind.INVERT, 0.0, 0)),
    ((Kind.EQUALIZE, 0.2, 0), (Kind.AUTOCONTRAST, 0.6, 0)),
    ((Kind.EQUALIZE, 0.2, 0), (Kind.EQUALIZE, 0.6, 0)),
    ((Kind.COLOR, 0.9, 9), (Kind.EQUALIZE, 0.6, 0)),
    ((Kind.AUTOCONTRAST, 0.8, 0), (Kind.SOLARIZE, 0.2, 8)),
    ((Kind.BRIGHTNESS, 0.1, 3), (Kind.COLOR, 0.7, 0)),
    ((Kind.SOLARIZE, 0.4, 5), (Kind.AUTOCONTRAST, 0.9, 0)),
    ((Kind.TRANSLATE_Y, 0.9, 9), (Kind.TRANSLATE_Y, 0.7, 9)),
    ((Kind.AUTOCONTRAST, 0.9, 0), (Kind.SOLARIZE, 0.8, 3)),
    ((Kind.EQUALIZE, 0.8, 0), (Kind.INVERT, 0.1, 0)),
    ((Kind.TRANSLATE_Y, 0.7, 9), (Kind.AUTOCONTRAST, 0.9, 0)),
)
POLICIES = {"cifar10": CIFAR10}


def draw_autoaugment(batch: int, size: int, policy: str, generator: torch.Generator) -> Steps:
    """Draw a sub-policy for each image, and which of its two steps apply, by torchvision's law.

    Args:
        batch: number of images.
        size: their side.
        policy: name in `POLICIES`.
        generator: of the draw.
    """
    table = torch.tensor(POLICIES[policy], dtype=torch.float64)
    chosen = torch.randint(0, len(table), (batch,), generator=generator)
    kind, probability, bins = table[chosen].permute(2, 1, 0)
    applies = draw_uniform((2, batch), 0, 1, generator) < probability
    kind_SB = torch.where(applies, kind.long(), Kind.IDENTITY)
    return _with_signs(kind_SB, magnitudes(AUTOAUGMENT_BINS, size), bins.long(), generator)


def draw_randaugment(
    batch: int, size: int, operations: int, magnitude: int, generator: torch.Generator
) -> Steps:
    """Draw kinds for each image, with replacement, by torchvision's law.

    Args:
        batch: number of images.
        size: their side.
        operations: number of steps.
        magnitude: bin of every step's magnitude, 0..30.
        generator: of the draw.
    """
    shape = (operations, batch)
    kind_SB = torch.randint(0, Kind.INVERT, shape, generator=generator)
    bins = torch.full_like(kind_SB, magnitude)
    return _with_signs(kind_SB, magnitudes(RANDAUGMENT_BINS, size), bins, generator)


def draw_timm(
    batch: int,
    size: int,
    operations: int,
    mean: float,
    deviation: float,
    generator: torch.Generator,
) -> Steps:
    """Draw kinds and magnitudes for each image by the law of timm's RandAugment.

    Kinds are drawn with replacement, and each is left out half of the time. A magnitude is normal,
    cut at 0 and 10. Unlike torchvision's, colours are scaled upwards alone for magnitudes above 5.

    Args:
        batch: number of images.
        size: their side.
        operations: number of steps.
        mean: of the magnitudes.
        deviation: of the magnitudes.
        generator: of the draw.
    """
    shape = (operations, batch)
    kind_SB = torch.tensor(TIMM)[torch.randint(0, len(TIMM), shape, generator=generator)]
    applies_SB = draw_uniform(shape, 0, 1, generator) < 0.5
    normal_SB = torch.randn(shape, generator=generator, dtype=torch.float64)
    level_SB = (mean + deviation * normal_SB).clamp(0, TIMM_HIGHEST)
    minus_SB = draw_uniform(shape, 0, 1, generator) < 0.5
    cubic_SB = draw_uniform(shape, 0, 1, generator) < 0.5
    magnitude_SB = timm_magnitudes(kind_SB, level_SB, size)
    minus_SB &= (kind_SB >= WARPS.start) & (kind_SB < WARPS.stop)
    return Steps(
        torch.where(applies_SB, kind_SB, Kind.IDENTITY),
        torch.where(minus_SB, -magnitude_SB, magnitude_SB),
        cubic_SB,
    )


def timm_magnitudes(kind: Tensor, level: Tensor, size: int) -> Tensor:
    """Return what a level, 0 to 10 in float64, means to each kind: degrees, pixels and so on."""
    share = level / TIMM_HIGHEST
    magnitude = torch.zeros_like(level)
    for kinds, values in (
        ((Kind.ROTATE,), 30 * share),
        ((Kind.SHEAR_X, Kind.SHEAR_Y), 0.3 * share),
        ((Kind.TRANSLATE_X, Kind.TRANSLATE_Y), 0.45 * size * share),
        (tuple(map(Kind, BLENDS)), 0.1 + 1.8 * share - 1),  # less 1, as all blends are told
        ((Kind.POSTERIZE,), (4 * share).trunc()),
        ((Kind.SOLARIZE,), (256 * share).trunc()),
        ((Kind.SOLARIZE_ADD,), (110 * share).trunc()),
    ):
        magnitude = torch.where(torch.isin(kind, torch.tensor(kinds)), values, magnitude)
    return magnitude


@cache
def magnitudes(bins: int, size: int) -> Tensor:
    """Return every kind's magnitudes, the mildest first, float64 [kinds, bins].

    They are rounded to float32, as torchvision's are.
    """
    table = torch.zeros(len(Kind), bins)
    table[[Kind.SHEAR_X, Kind.SHEAR_Y]] = torch.linspace(0, 0.3, bins)
    table[[Kind.TRANSLATE_X, Kind.TRANSLATE_Y]] = torch.linspace(0, 150 / 331 * size, bins)
    table[Kind.ROTATE] = torch.linspace(0, 30, bins)
    table[list(BLENDS)] = torch.linspace(0, 0.9, bins)
    table[Kind.POSTERIZE] = 8 - (torch.arange(bins) / ((bins - 1) / 4)).round()
    table[Kind.SOLARIZE] = torch.linspace(255, 0, bins)
    return table.double()


def _with_signs(
    kind_SB: Tensor, table: Tensor, bins_SB: Tensor, generator: torch.Generator
) -> Steps:
    """Look the magnitudes up; those that have a sign get either one."""
    magnitude_SB = table[kind_SB, bins_SB]
    minus = draw_uniform(tuple(kind_SB.shape), 0, 1, generator) < 0.5
    signed = (kind_SB >= SIGNED.start) & (kind_SB < SIGNED.stop)
    return Steps(kind_SB, torch.where(minus & signed, -magnitude_SB, magnitude_SB))
