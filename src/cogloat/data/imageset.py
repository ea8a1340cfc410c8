"""A set of images in memory, with its class counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cogloat.config.dataset import Data
from cogloat.data.longtail import read_split
from cogloat.data.store import load_split_images
from cogloat.errors import UserError, needing_memory
from cogloat.randomness import sent

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
        """Return the uint8 images at some positions, given on the host, on the labels' device."""
        chosen = self.images_NCHW.index_select(0, sent(positions_B, self.images_NCHW.device))
        return sent(chosen, self.labels_N.device)

    def labels(self, positions_B: Tensor) -> Tensor:
        """Return the labels at some positions, given on the host."""
        return self.labels_N.index_select(0, sent(positions_B, self.labels_N.device))


def load_training_set(store: Path, split: Path, data: Data, device: torch.device) -> ImageSet:
    """Load the images of a long-tailed split.

    Args:
        store: folder of the images.
        split: file of their indices and labels.
        data: says how many classes there are, and how large images are.
        device: gets the labels, and the images where they fit.

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
        return _image_set(images, stored, data, device, split)


def load_coreset(
    store: Path, coreset: Path, split: Path, data: Data, device: torch.device
) -> ImageSet:
    """Load the images of a coreset; they are of the long-tailed split.

    Args:
        store: folder of the images.
        coreset: file of their indices and labels.
        split: file of those of the split.
        data: as for `load_training_set`.
        device: likewise.

    Raises:
        UserError: if a file is missing or damaged, or they do not belong together.
    """
    indices, _ = read_split(coreset)
    for index in np.setdiff1d(indices, read_split(split)[0]):
        raise UserError(
            f"{coreset}: image {index} is not in {split}. Select a coreset of that split."
        )
    return load_training_set(store, coreset, data, device)


def load_test_set(store: Path, data: Data, device: torch.device) -> ImageSet:
    """Load the whole test set; arguments as of `load_training_set`.

    Raises:
        UserError: if a file is missing or damaged, or the images are not as `data` says.
    """
    with needing_memory(f"loading the test images from {store}"):
        images, labels = load_split_images(store, "test", None)
        return _image_set(images, labels, data, device, store)


def _image_set(
    images: Tensor, labels: Tensor, data: Data, device: torch.device, source: Path
) -> ImageSet:
    size = (data.image_size, data.image_size)
    if images.shape[2:] != size:
        found, meant = (" x ".join(map(str, sides)) for sides in (images.shape[2:], size))
        raise UserError(
            f"{source}: the images are {found} pixels, not {meant}. "
            "Check `image_size` in the dataset's file, and make the store again with src/fetch.py."
        )
    if labels.max() >= data.classes or len(torch.unique(labels)) != data.classes:
        raise UserError(
            f"{source}: the labels are not those of {data.classes} classes with an image each. "
            "Check `classes` in the dataset's file."
        )
    counts = torch.bincount(labels)
    fits = device.type == "cpu" or (
        images.numel() < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]
    )
    return ImageSet(images.to(device) if fits else images, labels.to(device), counts.to(device))
