"""Every source ends in the same two parts, train and test, and in what is worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cogloat.config.dataset import Dataset, Digits, TorchvisionCifar
from cogloat.data.sources.cifar import read_cifar
from cogloat.data.sources.decode import Decoded, decode
from cogloat.data.sources.digits import read_digits
from cogloat.data.sources.inventory import list_images
from cogloat.data.sources.listing import SPLITS, Listing, Split, refuse
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
        for split in SPLITS
    }
    return SourceImages(parts, listing.classes, listing, decoded)
