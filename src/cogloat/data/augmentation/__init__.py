"""Augmentation of whole batches on their device, every image with parameters of its own.

Each operation is two functions: `draw_...` makes the parameters from a generator, and the other
applies them. Images are float [B, 3, H, W] in 0..1 until the normalisation at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cogloat.config import augmentation as ops
from cogloat.config.dataset import Data
from cogloat.data.augmentation import blur, colour, cutout, geometry, policies, steps

Channels = tuple[float, float, float]


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

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return augmented, normalised float images for uint8 ones [B, 3, H, W]."""
        return self.normalise(self.augment(images, generator))

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return augmented float images in 0..1 for uint8 ones [B, 3, H, W]."""
        out = to_unit_range(images)
        with torch.autocast(images.device.type, enabled=False):  # a blur is no network
            for operation in self.operations:
                out = _apply(operation, out, generator)
        return out

    def normalise(self, images: Tensor) -> Tensor:
        """Return normalised images for ones in 0..1."""
        return normalise(images, self.mean, self.std)


def evaluation_transform(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """Return normalised float images for uint8 ones [B, 3, H, W]; nothing is random."""
    return normalise(to_unit_range(images), mean, std)


def to_unit_range(images: Tensor) -> Tensor:
    """Map uint8 to float32 in 0..1, in the memory format convolutions are fastest in."""
    return images.contiguous(memory_format=torch.channels_last).to(torch.float32) / 255


def normalise(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """Subtract each channel's mean and divide by its standard deviation."""
    mean_311 = torch.tensor(mean, device=images.device).view(3, 1, 1)
    std_311 = torch.tensor(std, device=images.device).view(3, 1, 1)
    return (images - mean_311) / std_311


def _apply(operation: ops.Operation, images: Tensor, generator: torch.Generator) -> Tensor:
    batch, size = len(images), images.shape[-1]
    match operation:
        case ops.RandomResizedCrop(scale=scale, ratio=ratio):
            boxes = geometry.draw_resized_crops(batch, size, scale, ratio, generator)
            return geometry.resized_crop(images, boxes)
        case ops.PaddedCrop(padding=padding):
            corners = geometry.draw_padded_crops(batch, padding, generator)
            return geometry.padded_crop(images, corners, padding)
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
            blurred = blur.blur(images, sigma_B, kernel)
            mask_B = draw_mask(batch, p, generator)
            return torch.where(mask_B[:, None, None, None], blurred, images)
        case ops.AutoAugment(policy=policy, fill=fill):
            drawn = policies.draw_autoaugment(batch, size, policy, generator)
            return steps.apply(images, drawn, fill)
        case ops.RandAugment(operations=operations, magnitude=magnitude, fill=fill):
            drawn = policies.draw_randaugment(batch, size, operations, magnitude, generator)
            return steps.apply(images, drawn, fill)
        case ops.Cutout(size=side):
            return cutout.cutout(images, cutout.draw_centres(batch, size, generator), side)


def draw_mask(batch: int, p: float, generator: torch.Generator) -> Tensor:
    """Say for each image whether an operation applies to it, bool [B]."""
    return torch.rand(batch, generator=generator, device=generator.device) < p
