"""What any objective may be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from cogloat.config.backbone import Backbone
from cogloat.config.dataset import Data
from cogloat.data.imageset import ImageSet, load_coreset
from cogloat.errors import UserError
from cogloat.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Inputs:
    """Data, device, seed and files; each room takes what it needs.

    Attributes:
        data: statistics and augmentations.
        backbone: that makes features of images.
        training: the long-tailed set.
        device: where networks and images are.
        seed: of every draw.
        test: the test set, for stages that leave a classifier.
        validation: images held out of training, likewise, where the dataset has some.
        store: the folder that the images are from.
        split: the file of the long-tailed set.
        files: what the settings say that they need, by its name.
        ranks: the processes that train together, of which this is one.
    """

    data: Data
    backbone: Backbone
    training: ImageSet
    device: torch.device
    seed: int
    test: ImageSet | None = None
    validation: ImageSet | None = None
    store: Path | None = None
    split: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    ranks: Ranks = ALONE

    def file(self, name: str) -> Path:
        """Return a file that was handed over.

        Raises:
            UserError: if it was not.
        """
        if name not in self.files:
            raise UserError(f"the method needs its {name}. Give it: --input {name}=FILE.")
        return self.files[name]

    def images(self, name: str) -> ImageSet:
        """Return those images of the long-tailed set that a file of indices and labels lists.

        Raises:
            UserError: if the file or the store is missing or damaged, or the file lists others.
        """
        path = self.file(name)
        if self.store is None or self.split is None:
            raise UserError(f"{path}: its images are in a store. Give --store and --split.")
        return load_coreset(self.store, path, self.split, self.data, self.device)
