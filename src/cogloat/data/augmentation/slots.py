"""Crops of images of unequal size in their slots, scaled to squares as PIL scales: antialiased.

PIL widens its triangle filter by the factor that it scales down by; a plain bilinear sampling would
skip pixels. Each output row is a weighted sum of input rows, and each column likewise, so that two
products with a band matrix an image cut out, scale and flip at once. The result is within a grey
level of PIL's, which rounds to whole levels between the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cogloat.config.dataset import MARGIN
from cogloat.data.augmentation.bands import both_ways
from cogloat.data.augmentation.geometry import Boxes
from cogloat.data.augmentation.levels import divide_levels
from cogloat.data.frames import Framed
from cogloat.randomness import sent

CHUNK = 64  # images whose pixels are float32 at a time


@dataclass(frozen=True)
class Stretch:
    """What becomes of one direction of each image, in pixels of the image; on the host.

    Attributes:
        start_B: where the output begins.
        length_B: how much of the image it has.
        low_B: the first pixel that the filter may see.
        high_B: the pixel after the last.
        mirrored_B: whether the output runs backwards.
    """

    start_B: Tensor
    length_B: Tensor
    low_B: Tensor
    high_B: Tensor
    mirrored_B: Tensor


def own_sides(images: Framed) -> tuple[Tensor, Tensor]:
    """Return each image's height and width, as it is and not as it lies in its slot."""
    height_B, width_B, turned_B = images.height_B, images.width_B, images.transposed_B
    return torch.where(turned_B, width_B, height_B), torch.where(turned_B, height_B, width_B)


def crop(images: Framed, boxes: Boxes, size: int, mirrored_B: Tensor | None = None) -> Tensor:
    """Cut out boxes and scale each to a square.

    Args:
        images: in slots.
        boxes: of each image as it is, whether or not it is transposed in its slot.
        size: side of the squares.
        mirrored_B: those that are flipped, left to right.

    Returns:
        Float [B, 3, size, size] in 0..1.
    """
    upright = torch.zeros(len(images), dtype=torch.bool)
    mirrored_B = upright if mirrored_B is None else mirrored_B
    down, right = (
        Stretch(start, length, start, start + length, backwards)
        for start, length, backwards in (
            (boxes.top, boxes.height, upright),
            (boxes.left, boxes.width, mirrored_B),
        )
    )
    return _stretched(images, down, right, size)


def evaluation_view(images: Framed, size: int) -> Tensor:
    """Return what test images are: the shorter side scaled to 8/7 of `size`, and the middle of it.

    Returns:
        Float [B, 3, size, size] in 0..1.
    """
    height_B, width_B = own_sides(images)
    short_B = torch.minimum(height_B, width_B)
    resized = round(size * MARGIN)
    upright = torch.zeros(len(images), dtype=torch.bool)

    def middle(side_B: Tensor) -> Stretch:
        scaled_B = resized * side_B // short_B
        step_B = side_B.double() / scaled_B
        start_B = ((scaled_B - size) / 2).round() * step_B
        return Stretch(start_B, size * step_B, torch.zeros_like(side_B), side_B, upright)

    return _stretched(images, middle(height_B), middle(width_B), size)


def _stretched(images: Framed, down: Stretch, right: Stretch, size: int) -> Tensor:
    """Filter images of their slots, and exchange the rows and columns of those that need it."""
    device = images.pixels.device
    turned_B = images.transposed_B
    rows, columns = _either(turned_B, right, down), _either(turned_B, down, right)
    turned_B111 = sent(turned_B[:, None, None, None], device)
    parts = []
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        pixels = images.pixels[part].float()
        height, width = pixels.shape[2:]
        of_rows = _bands(_part(rows, part), size, height, device)
        of_columns = _bands(_part(columns, part), size, width, device)
        lying = both_ways(of_rows, pixels, of_columns)
        parts.append(torch.where(turned_B111[part], lying.mT, lying))
    return divide_levels(torch.cat(parts))


def _bands(stretch: Stretch, size: int, pixels: int, device: torch.device) -> Tensor:
    """Return PIL's triangle filters as matrices [B, size, pixels]."""
    place_S = torch.arange(size)
    place_BS = torch.where(stretch.mirrored_B[:, None], size - 1 - place_S, place_S)
    step_B1 = stretch.length_B.double()[:, None] / size
    centre_BS = stretch.start_B[:, None] + (place_BS + 0.5) * step_B1
    centre_BS1, reach_B11, low_B11, high_B11 = (
        sent(numbers[..., None].float(), device)
        for numbers in (
            centre_BS,
            step_B1.clamp(min=1),
            stretch.low_B[:, None],
            stretch.high_B[:, None],
        )
    )
    middle_P = torch.arange(pixels, device=device) + 0.5
    weights = (1 - (middle_P - centre_BS1).abs_() / reach_B11).clamp_(min=0)
    weights *= (middle_P > low_B11) & (middle_P < high_B11)
    return weights.div_(weights.sum(dim=2, keepdim=True))


def _either(mask_B: Tensor, one: Stretch, other: Stretch) -> Stretch:
    """Return one stretch for the images of the mask, and the other for the rest."""
    pairs = ((getattr(one, name), getattr(other, name)) for name in Stretch.__annotations__)
    return Stretch(*(torch.where(mask_B, ours, theirs) for ours, theirs in pairs))


def _part(stretch: Stretch, part: slice) -> Stretch:
    return Stretch(*(getattr(stretch, name)[part] for name in Stretch.__annotations__))
