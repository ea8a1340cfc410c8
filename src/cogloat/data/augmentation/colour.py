"""Colour jitter and grayscale of a batch, each image with parameters and an order of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cogloat.config.augmentation import ColorJitter
from cogloat.data.augmentation.geometry import draw_uniform

LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601, as torchvision rounds it


@dataclass(frozen=True)
class Jitter:
    """Parameters of a colour jitter.

    Attributes:
        mask_B: the images it applies to.
        factors_B4: of brightness, contrast, saturation and hue.
        order_B4: which of the four comes first, second, third and fourth.
    """

    mask_B: Tensor
    factors_B4: Tensor
    order_B4: Tensor


def draw_jitter(batch: int, operation: ColorJitter, generator: torch.Generator) -> Jitter:
    """Draw factors and an order for each image, by torchvision's law."""
    mask_B = draw_uniform((batch,), 0, 1, generator) < operation.p
    factors = [
        draw_uniform((batch,), max(0.0, 1 - reach), 1 + reach, generator)
        for reach in (operation.brightness, operation.contrast, operation.saturation)
    ]
    factors.append(draw_uniform((batch,), -operation.hue, operation.hue, generator))
    order_B4 = draw_uniform((batch, len(factors)), 0, 1, generator).argsort(dim=1)
    return Jitter(mask_B, torch.stack(factors, dim=1), order_B4)


def jitter(images: Tensor, parameters: Jitter) -> Tensor:
    """Apply the four operations, each image in its own order."""
    operations = (brightness, contrast, saturation, hue)
    out = images.clone()
    for turn in range(len(operations)):
        for kind, operation in enumerate(operations):
            chosen = parameters.mask_B & (parameters.order_B4[:, turn] == kind)
            places = chosen.nonzero()[:, 0]
            factors = parameters.factors_B4[places, kind, None, None, None]
            out[places] = operation(out[places], factors)
    return out


def brightness(images: Tensor, factor_B111: Tensor) -> Tensor:
    """Scale all values."""
    return (images * factor_B111).clamp(0, 1)


def contrast(images: Tensor, factor_B111: Tensor) -> Tensor:
    """Scale the distance from the image's mean grey."""
    mean_B111 = grey(images).mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean_B111.expand_as(images), images, factor_B111).clamp(0, 1)


def saturation(images: Tensor, factor_B111: Tensor) -> Tensor:
    """Scale the distance from each pixel's grey."""
    return torch.lerp(grey(images).expand_as(images), images, factor_B111).clamp(0, 1)


def hue(images: Tensor, shift_B111: Tensor) -> Tensor:
    """Turn the hue by a share of the colour circle; value and saturation stay."""
    red, green, blue = images.unbind(dim=1)
    value, darkest = images.amax(dim=1), images.amin(dim=1)
    chroma = value - darkest
    safe = torch.where(chroma == 0, 1, chroma)
    angle = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    turned = (angle + 6 * shift_B111[:, 0]) % 6
    away = torch.stack(
        [2 - (turned - 3).abs(), (turned - 2).abs() - 1, (turned - 4).abs() - 1], dim=1
    )
    return value[:, None] - chroma[:, None] * away.clamp(0, 1)


def grayscale(images: Tensor, mask_B: Tensor) -> Tensor:
    """Replace the images of the mask by their grey."""
    return torch.where(mask_B[:, None, None, None], grey(images), images)


def grey(images: Tensor) -> Tensor:
    """Return the luma [B, 1, H, W]."""
    red, green, blue = (weight * images[:, i] for i, weight in enumerate(LUMA))
    return (red + green + blue)[:, None]
