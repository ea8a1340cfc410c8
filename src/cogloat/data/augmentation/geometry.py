"""Crops, flips and affine motions of a batch, each image with parameters of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cogloat.randomness import sent

TRIES = 10  # torchvision's attempts at a crop that fits


@dataclass(frozen=True)
class Boxes:
    """Crops in pixels, int64 [B] each."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


@dataclass(frozen=True)
class Motion:
    """Rotation in degrees, shift in pixels and zoom, float [B] each."""

    angle: Tensor
    right: Tensor
    down: Tensor
    scale: Tensor


def draw_uniform(
    shape: tuple[int, ...], low: float, high: float, generator: torch.Generator
) -> Tensor:
    """Draw uniformly from low..high."""
    return torch.rand(shape, generator=generator) * (high - low) + low


def draw_resized_crops(
    height_B: Tensor,
    width_B: Tensor,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> Boxes:
    """Draw crops of images by torchvision's law.

    An area and a log aspect ratio are drawn up to ten times; the first box that fits counts, else
    the largest box in the middle whose ratio is allowed: of a square image, the whole.

    Args:
        height_B: of each image, int64.
        width_B: likewise.
        scale: smallest and largest share of the area.
        ratio: smallest and largest width over height.
        generator: of the draw.
    """
    batch = len(height_B)
    height_B1, width_B1 = height_B[:, None], width_B[:, None]
    area = height_B1 * width_B1 * draw_uniform((batch, TRIES), *scale, generator)
    aspect = draw_uniform((batch, TRIES), math.log(ratio[0]), math.log(ratio[1]), generator).exp()
    width = (area * aspect).sqrt().round().long()
    height = (area / aspect).sqrt().round().long()
    fits = (width > 0) & (width <= width_B1) & (height > 0) & (height <= height_B1)
    first = fits.int().argmax(dim=1, keepdim=True)
    found = fits.any(dim=1)
    largest_width = torch.minimum(width_B, (height_B * ratio[1]).round().long())
    largest_height = torch.minimum(height_B, (width_B / ratio[0]).round().long())
    width = torch.where(found, width.gather(1, first)[:, 0], largest_width)
    height = torch.where(found, height.gather(1, first)[:, 0], largest_height)
    lots = torch.rand((2, batch), generator=generator)
    free = torch.stack([height_B - height, width_B - width])
    # a lot just below 1 times many places may be rounded to their number
    drawn = torch.minimum((lots * (free + 1)).long(), free)
    top, left = torch.where(found, drawn, free // 2)
    return Boxes(top, left, height, width)


def resized_crop(images: Tensor, boxes: Boxes, mirrored_B: Tensor | None = None) -> Tensor:
    """Cut the boxes out and scale them to the images' size, bilinearly.

    Args:
        images: square, float [B, 3, H, H].
        boxes: a crop for each.
        mirrored_B: those that are flipped, left to right, by the same sampling.
    """
    size, device = images.shape[-1], images.device
    rows = sent(_normalised(_inside(boxes.top, boxes.height, size), size), device)
    columns = _normalised(_inside(boxes.left, boxes.width, size), size)
    if mirrored_B is not None:
        columns = torch.where(mirrored_B[:, None], columns.flip(1), columns)
    columns = sent(columns, device)
    grid = torch.stack(
        [columns[:, None, :].expand(-1, size, -1), rows[:, :, None].expand(-1, -1, size)], dim=-1
    )
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def draw_padded_crops(batch: int, padding: int, generator: torch.Generator) -> Tensor:
    """Draw the top left corners of crops of padded images, int64 [2, B] in 0..2 padding."""
    return torch.randint(0, 2 * padding + 1, (2, batch), generator=generator)


def padded_crop(
    images: Tensor, corners: Tensor, padding: int, mirrored_B: Tensor | None = None
) -> Tensor:
    """Pad with zeros on each side and cut out a crop of the original size.

    Args:
        images: square [B, channels, H, H].
        corners: rows and columns of the crops' corners, int64 [2, B].
        padding: pixels on each side.
        mirrored_B: crops that are flipped, left to right.
    """
    batch, channels, size, _ = images.shape
    padded = F.pad(images, (padding,) * 4)
    side = size + 2 * padding
    top, left = corners
    image = torch.arange(batch)
    if mirrored_B is not None:  # these are crops of mirrored images
        padded = torch.cat([padded, padded.flip(3)])
        image = torch.where(mirrored_B, image + batch, image)
        left = torch.where(mirrored_B, 2 * padding - left, left)
    plane_BC1 = (image[:, None] * channels + torch.arange(channels))[:, :, None]
    row_BCH = plane_BC1 * side + top[:, None, None] + torch.arange(size)
    start_BCH = row_BCH * side + left[:, None, None]
    # a crop's rows are runs of pixels in memory
    runs = padded.flatten().unfold(0, size, 1)
    return runs.index_select(0, sent(start_BCH.flatten(), images.device)).view_as(images)


def flip(images: Tensor, mask_B: Tensor) -> Tensor:
    """Mirror the images of the mask, left to right."""
    mask_B111 = sent(mask_B[:, None, None, None], images.device)
    return torch.where(mask_B111, images.flip(3), images)


def draw_affine(
    batch: int,
    size: int,
    degrees: float,
    translate: float,
    scale: tuple[float, float],
    generator: torch.Generator,
) -> Motion:
    """Draw motions by torchvision's law: shifts are whole pixels.

    Args:
        batch: number of images.
        size: their side.
        degrees: largest rotation, either way.
        translate: largest shift, as a share of the side.
        scale: smallest and largest zoom.
        generator: its device is the parameters' device.
    """
    angle = draw_uniform((batch,), -degrees, degrees, generator)
    reach = translate * size
    right = draw_uniform((batch,), -reach, reach, generator).round()
    down = draw_uniform((batch,), -reach, reach, generator).round()
    return Motion(angle, right, down, draw_uniform((batch,), *scale, generator))


def affine(images: Tensor, motion: Motion) -> Tensor:
    """Rotate and zoom about the centre, then shift; bilinear, zeros outside."""
    size = images.shape[-1]
    centred = torch.arange(size) - (size - 1) / 2
    x = centred[None, None, :] - motion.right[:, None, None]
    y = centred[None, :, None] - motion.down[:, None, None]
    angle = torch.deg2rad(motion.angle)[:, None, None]
    zoom = motion.scale[:, None, None]
    source_x = (angle.cos() * x + angle.sin() * y) / zoom + (size - 1) / 2
    source_y = (angle.cos() * y - angle.sin() * x) / zoom + (size - 1) / 2
    grid = sent(_normalised(torch.stack([source_x, source_y], dim=-1), size), images.device)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def _inside(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return the pixel coordinates [B, size] that `size` samples of a stretch fall on."""
    step = (torch.arange(size) + 0.5) / size
    inside = step * length[:, None] - 0.5
    return torch.minimum(inside.clamp(min=0), length[:, None] - 1.0) + start[:, None]


def _normalised(pixels: Tensor, size: int) -> Tensor:
    """Return pixel coordinates as shares of the image, from -1 to 1."""
    return (2 * pixels + 1) / size - 1
