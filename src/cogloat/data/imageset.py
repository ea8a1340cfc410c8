"""A set of images in memory, with its class counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cogloat.data.longtail import read_split
from cogloat.data.store import load_split_images
from cogloat.errors import UserError, needing_memory

RESIDENT_SHARE = 0.5  # of a device's free memory; a larger set stays on the host


@dataclass(frozen=True)
class ImageSet:
    """Images, labels and class counts; batches come to the device.

    Attributes:
        images_NCHW: uint8, on the device where they fit, otherwise on the host.
        labels_N: int64, on the device.
        counts_C: int64, images of each class, on the device.
    """

    images_NCHW: Tensor
    labels_N: Tensor
    counts_C: Tensor

    def __len__(self) -> int:
        return len(self.labels_N)

    def batch(self, positions_B: Tensor) -> Tensor:
        """Return the uint8 images at some positions, on the labels' device."""
        chosen = self.images_NCHW[positions_B.to(self.images_NCHW.device)]
        return chosen.to(self.labels_N.device, non_blocking=True)


def load_training_set(store: Path, split: Path, classes: int, device: torch.device) -> ImageSet:
    """Load the images of a long-tailed split.

    Raises:
        UserError: if a file is missing or damaged, or they do not belong together.
    """
    indices, labels = read_split(split)
    with needing_memory(f"loading {len(indices)} training images from {store}"):
        images, stored = load_split_images(store, "train", indices)
        for row in (stored != torch.as_tensor(labels)).nonzero()[:1]:
            raise UserError(
                f"{split}: its labels are not those of {store}: line {int(row) + 2} has "
                f"{labels[row]}, but it is {int(stored[row])} there. Draw the split again."
            )
        return _image_set(images, stored, classes, device, store)


def load_test_set(store: Path, classes: int, device: torch.device) -> ImageSet:
    """Load the whole test set.

    Raises:
        UserError: if a file is missing or damaged.
    """
    with needing_memory(f"loading the test images from {store}"):
        images, labels = load_split_images(store, "test", None)
        return _image_set(images, labels, classes, device, store)


def _image_set(
    images: Tensor, labels: Tensor, classes: int, device: torch.device, store: Path
) -> ImageSet:
    counts = torch.bincount(labels, minlength=classes)
    if len(counts) != classes or (counts == 0).any():
        raise UserError(
            f"{store}: the labels are not those of {classes} classes with an image each. "
            "Check `classes` in the dataset's file."
        )
    fits = device.type == "cpu" or (
        images.numel() < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]
    )
    return ImageSet(images.to(device) if fits else images, labels.to(device), counts.to(device))
