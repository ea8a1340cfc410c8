"""What fits in memory is read whole: every source ends in the same parts, train and test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cogloat.config.dataset import Dataset, Digits, TorchvisionCifar
from cogloat.data.labels import Split
from cogloat.data.sources.cifar import read_cifar
from cogloat.data.sources.decode import Decoded, decode
from cogloat.data.sources.digits import read_digits
from cogloat.data.sources.equal import digest
from cogloat.data.sources.inventory import list_images
from cogloat.data.sources.listing import Listing, refuse
from cogloat.data.sources.summary import Told
from cogloat.data.store import Images
from cogloat.errors import UserError


@dataclass(frozen=True)
class SourceImages:
    """What was read.

    Attributes:
        parts: images and labels.
        classes: their names, in label order.
        listing: the files they come from, if they do.
        decoded: what was found in the files.
    """

    parts: dict[Split, Images]
    classes: list[str]
    listing: Listing | None = None
    decoded: dict[Split, Decoded] | None = None


def read_source(dataset: Dataset, raw: Path, threads: int) -> SourceImages:
    """Read a dataset's images, labels and class names.

    Args:
        dataset: says where from, how many classes, and the side of the square images.
        raw: folder for what is downloaded.
        threads: that decode images.

    Raises:
        UserError: if the source is missing, damaged, or not as the dataset's file says.
    """
    assert dataset.store is None, "such a store is built from its files, never in memory"
    match dataset.source:
        case TorchvisionCifar() as source:
            return SourceImages(*read_cifar(source, raw))
        case Digits() as source:
            return SourceImages(*read_digits(source))
    background = dataset.source.background
    listing, problems = list_images(dataset), list[UserError]()
    decoded = {
        split: decode(files, dataset.image_size, background, threads, split, problems)
        for split, files in listing.parts.items()
    }
    refuse(problems, dataset.label)
    parts = {
        split: Images(
            decoded[split].images_NCHW, np.array([file.label for file in listing.parts[split]])
        )
        for split in listing.parts
    }
    return SourceImages(parts, listing.classes, listing, decoded)


def told(source: SourceImages) -> dict[Split, Told]:
    """Return what a summary tells of each part."""
    parts = {}
    for split, images in source.parts.items():
        count, _, height, width = images.images_NCHW.shape
        sizes_N2, converted = np.tile((width, height), (count, 1)), dict[str, list[str]]()
        if source.decoded is not None:
            sizes_N2, converted = source.decoded[split].sizes_N2, source.decoded[split].converted
        digests = [digest(image) for image in images.images_NCHW]
        parts[split] = Told(images.labels_N, sizes_N2, digests, converted)
    return parts
