"""The store: a dataset as uint8 arrays on disk, memory-mapped, the same for every source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor

from cogloat.data.labels import FETCH_IT, read_labels
from cogloat.errors import UserError
from cogloat.files import sha256, write_atomically, write_json
from cogloat.readers.arrays import read_array
from cogloat.results.reading import Artefact

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
MANIFEST = "store.json"
CHANNELS = 3


@dataclass(frozen=True)
class Images:
    """One part of a dataset: uint8 [N, 3, H, W] and int64 [N]."""

    images_NCHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]


class Array(Artefact):
    """What the manifest says of an array."""

    shape: tuple[int, ...]
    sha256: str


class Manifest(Artefact):
    """What is read of store.json.

    Attributes:
        classes: their names, in label order.
        files: name of an array -> what it is.
    """

    model_config = ConfigDict(extra="ignore")
    FIX: ClassVar[str] = FETCH_IT.rstrip(".")

    classes: tuple[str, ...]
    files: Mapping[str, Array]


def write_store(folder: Path, parts: dict[Split, Images], classes: list[str]) -> None:
    """Write a dataset; its manifest comes last, so a folder without one is not a store.

    Args:
        folder: where to; an earlier store is replaced.
        parts: train and test images.
        classes: their names, in label order.
    """
    manifest = folder / MANIFEST
    manifest.unlink(missing_ok=True)
    described = {}
    for split, part in parts.items():
        for what, array in (("images", part.images_NCHW), ("labels", part.labels_N)):
            path = folder / f"{split}_{what}.npy"
            write_atomically(path, lambda file, array=array: np.save(file, array))  # type: ignore[misc]
            described[path.name] = {"shape": list(array.shape), "sha256": sha256(path)}
    write_json(manifest, {"classes": classes, "files": described})


def load_split_images(
    folder: Path, split: Split, indices: NDArray[np.int64] | None
) -> tuple[Tensor, Tensor]:
    """Read images and labels of a part, or only some of them.

    Returns:
        uint8 [N, 3, H, W] and int64 [N], on the CPU.

    Raises:
        UserError: if the store is missing or damaged, or has no such index.
    """
    manifest = _manifest(folder)
    images_NCHW = _images(folder / f"{split}_images.npy", manifest)
    labels_N = _labels(folder / f"{split}_labels.npy", manifest)
    if len(images_NCHW) != len(labels_N):
        raise UserError(
            f"{folder}: has {len(images_NCHW)} {split} images and {len(labels_N)} labels of them. "
            f"{FETCH_IT}"
        )
    if indices is None:
        return torch.from_numpy(np.array(images_NCHW, order="C")), torch.from_numpy(labels_N)
    for row in np.flatnonzero((indices < 0) | (indices >= len(labels_N)))[:1]:
        raise UserError(
            f"{folder}: there is no image {indices[row]} among its {len(labels_N)}, numbered from "
            f"0; line {row + 2} of the split asks for it. It is of another dataset or was edited; "
            "draw it again."
        )
    chosen_NCHW = np.ascontiguousarray(images_NCHW[indices])
    return torch.from_numpy(chosen_NCHW), torch.from_numpy(labels_N[indices])


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.exists():
        raise UserError(f"{path}: no such store. Make it with src/fetch.py.")
    return Manifest.read(path)


def _images(path: Path, manifest: Manifest) -> NDArray[np.uint8]:
    """Open images on disk; what they are is checked before their bytes are."""
    _check_there(path)
    images_NCHW = read_array(path, "u", 4, FETCH_IT, memory_map=True)
    if images_NCHW.dtype != np.uint8 or images_NCHW.shape[1] != CHANNELS:
        raise UserError(
            f"{path}: images of {images_NCHW.shape[1]} channels of {images_NCHW.dtype}, not "
            f"{CHANNELS} of uint8. {FETCH_IT}"
        )
    _check_known(path, images_NCHW, manifest)
    return images_NCHW


def _labels(path: Path, manifest: Manifest) -> NDArray[np.int64]:
    _check_there(path)
    labels_N = read_labels(path, len(manifest.classes))
    _check_known(path, labels_N, manifest)
    return labels_N


def _check_there(path: Path) -> None:
    if not path.exists():
        raise UserError(f"{path}: no such file. Make the store with src/fetch.py.")


def _check_known(path: Path, array: NDArray, manifest: Manifest) -> None:
    """Refuse an array that is not the one its manifest names."""
    known = manifest.files.get(path.name)
    if known is None or array.shape != known.shape:
        raise UserError(f"{path}: not the array of its store. {FETCH_IT}")
    if sha256(path) != known.sha256:
        raise UserError(
            f"{path}: corrupt, its SHA-256 is not the one in {path.with_name(MANIFEST)}. "
            "Get the file again, or make the store again with src/fetch.py."
        )
