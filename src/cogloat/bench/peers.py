"""The dataset's augmentations by other libraries: torchvision's on PIL's images, kornia's."""

from __future__ import annotations

import importlib
import importlib.util
import random
from collections.abc import Callable
from typing import Any

from PIL import ImageFilter
from PIL.Image import Image
from torch import Tensor, nn
from torchvision import transforms

from cogloat.config import augmentation as ops
from cogloat.config.dataset import Data
from cogloat.errors import UserError


def has_kornia() -> bool:
    """Say whether kornia is installed; it is no part of the environment."""
    return importlib.util.find_spec("kornia") is not None


def torchvision_transform(name: str, data: Data) -> Callable[[Image], Tensor]:
    """Return an augmentation of one of PIL's images to a normalised tensor.

    Raises:
        UserError: if it has an operation that is not written here.
    """
    of_image: list[Any] = []
    of_tensor: list[Any] = []
    for operation in data.augmentations[name]:
        match operation:
            case ops.RandomResizedCrop(scale=scale, ratio=ratio):
                of_image.append(transforms.RandomResizedCrop(data.image_size, scale, ratio))
            case ops.PaddedCrop(padding=padding):
                of_image.append(transforms.RandomCrop(data.image_size, padding=padding))
            case ops.Flip(p=p):
                of_image.append(transforms.RandomHorizontalFlip(p))
            case ops.ColorJitter(brightness=b, contrast=c, saturation=s, hue=h, p=p):
                jitter = transforms.ColorJitter(b, c, s, h)
                of_image.append(transforms.RandomApply([jitter], p=p))
            case ops.Grayscale(p=p):
                of_image.append(transforms.RandomGrayscale(p=p))
            case ops.Blur(sigma=sigma, p=p):
                of_image.append(transforms.RandomApply([GaussianBlur(sigma)], p=p))
            case ops.AutoAugment(fill=fill):
                policy = transforms.AutoAugmentPolicy.CIFAR10
                of_image.append(transforms.AutoAugment(policy, fill=[fill] * 3))
            case ops.Cutout(size=size):
                of_tensor.append(Cutout(size))
            case _:
                raise UserError(f"{name}: '{operation.op}' is not written for torchvision.")
    normalise = transforms.Normalize(data.mean, data.std)
    return transforms.Compose([*of_image, transforms.ToTensor(), *of_tensor, normalise])


def kornia_transform(name: str, data: Data) -> Callable[[Tensor], Tensor]:
    """Return an augmentation of tensors [B, 3, H, W] in 0..1 to normalised ones.

    Raises:
        UserError: if it has an operation that is not written here.
    """
    kornia = importlib.import_module("kornia.augmentation")
    side = (data.image_size, data.image_size)
    made: list[nn.Module] = []
    for operation in data.augmentations[name]:
        match operation:
            case ops.RandomResizedCrop(scale=scale, ratio=ratio):
                made.append(kornia.RandomResizedCrop(side, scale, ratio))
            case ops.PaddedCrop(padding=padding):
                made.append(kornia.RandomCrop(side, padding=padding))
            case ops.Flip(p=p):
                made.append(kornia.RandomHorizontalFlip(p=p))
            case ops.ColorJitter(brightness=b, contrast=c, saturation=s, hue=h, p=p):
                made.append(kornia.ColorJitter(b, c, s, h, p=p))
            case ops.Grayscale(p=p):
                made.append(kornia.RandomGrayscale(p=p))
            case _:
                raise UserError(f"{name}: '{operation.op}' is not written for kornia.")
    return nn.Sequential(*made, kornia.Normalize(data.mean, data.std))


class GaussianBlur:
    """PIL's blur with a standard deviation of its own for each image (MoCo v2)."""

    def __init__(self, sigma: tuple[float, float]) -> None:
        self.sigma = sigma

    def __call__(self, image: Image) -> Image:
        """Return the blurred image."""
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(*self.sigma)))


class Cutout:
    """A black square around a pixel of the image (DeVries and Taylor 2017)."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, image: Tensor) -> Tensor:
        """Return the image without the square."""
        height, width = image.shape[-2:]
        top = random.randrange(height) - self.size // 2
        left = random.randrange(width) - self.size // 2
        out = image.clone()
        out[:, max(top, 0) : max(top + self.size, 0), max(left, 0) : max(left + self.size, 0)] = 0
        return out
