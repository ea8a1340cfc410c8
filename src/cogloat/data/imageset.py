"""A set of images, in memory or on disk, with its class counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cogloat.config.dataset import Data
from cogloat.data.frames import Framed, Images
from cogloat.data.labels import Split
from cogloat.data.longtail import Indices, read_split
from cogloat.data.rows import Rows
from cogloat.data.store import load_frames, load_split_images
from cogloat.errors import UserError, needing_memory
from cogloat.randomness import sent

RESIDENT_SHARE = 0.5  # of a device's free memory; a larger set stays on the host


@dataclass(frozen=True)
class ImageSet:
    """Images, labels and class counts; batches come to the device.

    Attributes:
        images_NCHW: uint8, on the device where they fit, otherwise on the host, or on disk.
        labels_N: int64, on the device.
        counts_C: int64, images of each class, on the device.
        frames_N3: int64, on the host: height and width of each image in its slot, and whether its
            rows and columns are exchanged; nothing where images are squares of one size.
    """

    images_NCHW: Tensor | Rows
    labels_N: Tensor
    counts_C: Tensor
    frames_N3: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels_N)

    def batch(self, positions_B: Tensor) -> Images:
        """Return the images at some positions, given on the host, on the labels' device."""
        device = self.labels_N.device
        if isinstance(self.images_NCHW, Rows):
            chosen = self.images_NCHW.take(positions_B, pinned=device.type == "cuda")
        else:
            chosen = self.images_NCHW.index_select(0, sent(positions_B, self.images_NCHW.device))
        if self.frames_N3 is None:
            return sent(chosen, device)
        height_B, width_B, transposed_B = self.frames_N3[positions_B].unbind(dim=1)
        return Framed(sent(chosen, device), height_B, width_B, transposed_B.bool())

    def labels(self, positions_B: Tensor) -> Tensor:
        """Return the labels at some positions, given on the host."""
        return self.labels_N.index_select(0, sent(positions_B, self.labels_N.device))

    def some(self, positions_M: Tensor) -> ImageSet:
        """Return the set of the images at some positions, given on the host."""
        images, frames_N3 = self.images_NCHW, self.frames_N3
        labels_M = self.labels(positions_M)
        return ImageSet(
            images.some(positions_M)
            if isinstance(images, Rows)
            else images.index_select(0, positions_M.to(images.device)),
            labels_M,
            torch.bincount(labels_M, minlength=len(self.counts_C)),
            None if frames_N3 is None else frames_N3[positions_M],
        )


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
        frames = _frames(store, indices, images, data)
        return _image_set(images, stored, frames, data, device, split)


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
    return _load_part(store, "test", data, device)


def load_validation_set(
    store: Path, held_out: Path | None, data: Data, device: torch.device
) -> ImageSet | None:
    """Load the images that the best epoch is chosen by, if there are some.

    Args:
        store: folder of the images.
        held_out: file of those that were drawn from the training part; without it, they are
            those that the dataset lists.
        data: as for `load_training_set`.
        device: likewise.

    Raises:
        UserError: if a file is missing or damaged, or they do not belong together.
    """
    if data.validation is None:
        return None
    if held_out is not None:
        return load_training_set(store, held_out, data, device)
    return _load_part(store, "validation", data, device)


def _load_part(store: Path, part: Split, data: Data, device: torch.device) -> ImageSet:
    """Load a whole part whose images are squares."""
    with needing_memory(f"loading the {part} images from {store}"):
        images, labels = load_split_images(store, part, None)
        return _image_set(images, labels, None, data, device, store)


def _frames(store: Path, indices: Indices, images: Tensor | Rows, data: Data) -> Tensor | None:
    """Return where images are in their slots; these are as high as `data` says."""
    frames_N3 = load_frames(store, "train", indices)
    if (frames_N3 is None) != (data.store is None):
        raise UserError(
            f"{store}: its training images have {'no ' * (frames_N3 is None)}slots. Check `store` "
            "in the dataset's file, and make the store again with src/fetch.py."
        )
    if frames_N3 is None or data.store is None:
        return None
    slot = (data.store.short_side, data.store.long_side)
    _check_sides(store, images, slot, "store.short_side")
    if (frames_N3.min(axis=0)[:2] < 1).any() or (frames_N3.max(axis=0) > (*slot, 1)).any():
        raise UserError(
            f"{store / 'train_sizes.npy'}: not sizes of images in slots of {slot[0]} x {slot[1]} "
            "pixels. Make the store again with src/fetch.py."
        )
    return torch.from_numpy(frames_N3)


def _image_set(
    images: Tensor | Rows,
    labels: Tensor,
    frames: Tensor | None,
    data: Data,
    device: torch.device,
    source: Path,
) -> ImageSet:
    if frames is None:
        _check_sides(source, images, (data.image_size, data.image_size), "image_size")
    if labels.max() >= data.classes or len(torch.unique(labels)) != data.classes:
        raise UserError(
            f"{source}: the labels are not those of {data.classes} classes with an image each. "
            "Check `classes` in the dataset's file."
        )
    counts = torch.bincount(labels)
    if isinstance(images, Tensor) and _fits(images, device):
        images = images.to(device)
    return ImageSet(images, labels.to(device), counts.to(device), frames)


def _check_sides(source: Path, images: Tensor | Rows, size: tuple[int, int], key: str) -> None:
    if tuple(images.shape[2:]) != size:
        found, meant = (" x ".join(map(str, sides)) for sides in (images.shape[2:], size))
        raise UserError(
            f"{source}: the images are {found} pixels, not {meant}. "
            f"Check `{key}` in the dataset's file, and make the store again with src/fetch.py."
        )


def _fits(images: Tensor, device: torch.device) -> bool:
    """Say whether images can be on the device."""
    if device.type == "cpu":
        return True
    return images.numel() < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]
