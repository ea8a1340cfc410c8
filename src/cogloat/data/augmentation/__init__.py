"""Augmentation of whole batches on their device, every image with parameters of its own.

Each operation is two functions: `draw_...` makes the parameters from a generator, on the host, and
the other applies them. Images are bytes as long as their pixels only move, then float [B, 3, H, W]
in 0..1 until the normalisation at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import torch
from torch import Tensor

from cogloat.config import augmentation as ops
from cogloat.config.dataset import Data
from cogloat.data.augmentation import blur, colour, cutout, geometry, policies, slots, steps
from cogloat.data.augmentation.levels import to_unit_range
from cogloat.data.frames import Framed, Images

Channels = tuple[float, float, float]
Joined = tuple[ops.Operation, ops.Flip | None]  # an operation, and the flip it does too
CROPS = (ops.PaddedCrop, ops.RandomResizedCrop)
MOVES = (ops.PaddedCrop, ops.Flip)  # of whole pixels


class Augmentation:
    """A sequence of random operations, then the normalisation."""

    def __init__(
        self,
        operations: Sequence[ops.Operation],
        mean: Channels,
        std: Channels,
        size: int,
    ) -> None:
        """Take the operations in their order.

        Args:
            operations: as in a dataset's file.
            mean: of each channel, in 0..1.
            std: of each channel.
            size: side of the square images.
        """
        self.operations = tuple(operations)
        self.mean, self.std, self.size = mean, std, size

    @classmethod
    def named(cls, name: str, data: Data) -> Augmentation:
        """Return one of the augmentations of a stage's data."""
        return cls(data.augmentations[name], data.mean, data.std, data.image_size)

    def __call__(self, images: Images, generator: torch.Generator) -> Tensor:
        """Return augmented, normalised float images for uint8 ones [B, 3, H, W]."""
        out = self.augment(images, generator)
        out.sub_(constant(self.mean, out.device)).div_(constant(self.std, out.device))
        return out.contiguous(memory_format=torch.channels_last)

    def augment(self, images: Images, generator: torch.Generator) -> Tensor:
        """Return augmented float images in 0..1 for uint8 ones [B, 3, H, W].

        Images of unequal size are squares after the crop that an augmentation begins with; without
        one, they become what test images are.
        """
        operations = _joined(self.operations)
        if isinstance(images, Framed):
            with torch.autocast(images.pixels.device.type, enabled=False):
                images, operations = self._squares(images, list(operations), generator)
        with torch.autocast(images.device.type, enabled=False):  # a blur is no network
            for operation, flip in operations:
                if not isinstance(operation, MOVES):
                    images = to_unit_range(images)
                images = _apply(operation, flip, images, generator)
        return to_unit_range(images)

    def _squares(
        self, images: Framed, operations: list[Joined], generator: torch.Generator
    ) -> tuple[Tensor, Iterator[Joined]]:
        """Return images of one size in 0..1, and the operations that are left."""
        match operations:
            case [(ops.RandomResizedCrop(scale=scale, ratio=ratio), then), *rest]:
                sides = slots.own_sides(images)
                boxes = geometry.draw_resized_crops(*sides, scale, ratio, generator)
                mirrored_B = draw_mask(len(images), then.p, generator) if then else None
                return slots.crop(images, boxes, self.size, mirrored_B), iter(rest)
        return slots.evaluation_view(images, self.size), iter(operations)

    def normalise(self, images: Tensor) -> Tensor:
        """Return normalised images for ones in 0..1."""
        return normalise(images, self.mean, self.std)


def evaluation_transform(images: Images, mean: Channels, std: Channels, size: int) -> Tensor:
    """Return normalised float images for uint8 ones [B, 3, H, W]; nothing is random.

    Args:
        images: as they are stored.
        mean: of each channel, in 0..1.
        std: of each channel.
        size: side of the squares that images of unequal size become.
    """
    squares = slots.evaluation_view(images, size) if isinstance(images, Framed) else images
    return normalise(to_unit_range(squares), mean, std)


def normalise(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """Subtract each channel's mean and divide by its standard deviation.

    The result is in the memory format that convolutions are fastest in.
    """
    normalised = (images - constant(mean, images.device)) / constant(std, images.device)
    return normalised.contiguous(memory_format=torch.channels_last)


@cache
def constant(values: Channels, device: torch.device) -> Tensor:
    """Return a number for each channel, [3, 1, 1]; it goes to a device once."""
    return torch.tensor(values, dtype=torch.float32, device=device).view(3, 1, 1)


def _joined(operations: tuple[ops.Operation, ...]) -> Iterator[Joined]:
    """Yield the operations, a crop with the flip that follows: one look at the pixels does both."""
    rest = iter([*operations, None])
    operation = next(rest)
    while operation is not None:
        following = next(rest)
        if isinstance(operation, CROPS) and isinstance(following, ops.Flip):
            yield operation, following
            following = next(rest)
        else:
            yield operation, None
        operation = following


def _apply(
    operation: ops.Operation, then: ops.Flip | None, images: Tensor, generator: torch.Generator
) -> Tensor:
    batch, size = len(images), images.shape[-1]
    match operation:
        case ops.RandomResizedCrop(scale=scale, ratio=ratio):
            sides_B = torch.full((batch,), size)
            boxes = geometry.draw_resized_crops(sides_B, sides_B, scale, ratio, generator)
            mirrored_B = draw_mask(batch, then.p, generator) if then else None
            return geometry.resized_crop(images, boxes, mirrored_B)
        case ops.PaddedCrop(padding=padding):
            corners = geometry.draw_padded_crops(batch, padding, generator)
            mirrored_B = draw_mask(batch, then.p, generator) if then else None
            return geometry.padded_crop(images, corners, padding, mirrored_B)
        case ops.Flip(p=p):
            return geometry.flip(images, draw_mask(batch, p, generator))
        case ops.Affine(degrees=degrees, translate=translate, scale=scale):
            motion = geometry.draw_affine(batch, size, degrees, translate, scale, generator)
            return geometry.affine(images, motion)
        case ops.ColorJitter():
            return colour.jitter(images, colour.draw_jitter(batch, operation, generator))
        case ops.Grayscale(p=p):
            return colour.grayscale(images, draw_mask(batch, p, generator))
        case ops.Blur(sigma=sigma, kernel=kernel, p=p):
            sigma_B = blur.draw_sigma(batch, sigma, generator)
            return blur.blur_some(images, draw_mask(batch, p, generator), sigma_B, kernel)
        case ops.AutoAugment(policy=policy, fill=fill):
            drawn = policies.draw_autoaugment(batch, size, policy, generator)
            return steps.apply(images, drawn, fill)
        case ops.RandAugment(operations=operations, magnitude=magnitude, fill=fill):
            drawn = policies.draw_randaugment(batch, size, operations, magnitude, generator)
            return steps.apply(images, drawn, fill)
        case ops.RandAugmentTimm(operations=operations, fill=fill):
            law = (operation.magnitude, operation.deviation)
            drawn = policies.draw_timm(batch, size, operations, *law, generator)
            return steps.apply(images, drawn, fill)
        case ops.Cutout(size=side):
            return cutout.cutout(images, cutout.draw_centres(batch, size, generator), side)


def draw_mask(batch: int, p: float, generator: torch.Generator) -> Tensor:
    """Say for each image whether an operation applies to it, bool [B]."""
    return torch.rand(batch, generator=generator) < p
