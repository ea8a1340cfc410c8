"""The store: a dataset as uint8 arrays on disk, memory-mapped, the same for every source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cogloat.errors import UserError
from cogloat.files import sha256, write_atomically, write_json

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
MANIFEST = "store.json"


@dataclass(frozen=True)
class Images:
    """One part of a dataset: uint8 [N, 3, H, W] and int64 [N]."""

    images_NCHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]


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
    images = _open(folder / f"{split}_images.npy", manifest)
    labels = _open(folder / f"{split}_labels.npy", manifest)
    if indices is None:
        return torch.from_numpy(np.array(images)), torch.from_numpy(np.array(labels))
    for row in np.flatnonzero((indices < 0) | (indices >= len(labels)))[:1]:
        raise UserError(
            f"{folder}: there is no image {indices[row]} among its {len(labels)}, numbered from 0; "
            f"line {row + 2} of the split asks for it. It is of another dataset or was edited; "
            "draw it again."
        )
    return torch.from_numpy(images[indices]), torch.from_numpy(labels[indices])


def _manifest(folder: Path) -> dict:
    path = folder / MANIFEST
    try:
        return json.loads(path.read_text())["files"]
    except FileNotFoundError:
        raise UserError(f"{path}: no such store. Make it with src/fetch.py.") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: damaged. Make the store again with src/fetch.py.") from None


def _open(path: Path, manifest: dict) -> NDArray:
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Make the store with src/fetch.py.") from None
    except (ValueError, EOFError):
        raise UserError(f"{path}: truncated. Make the store again with src/fetch.py.") from None
    if list(array.shape) != manifest.get(path.name, {}).get("shape"):
        raise UserError(f"{path}: not the array of its store. Make it again with src/fetch.py.")
    if sha256(path) != manifest[path.name].get("sha256"):
        raise UserError(
            f"{path}: corrupt, its SHA-256 is not the one in {path.with_name(MANIFEST)}. "
            "Get the file again, or make the store again with src/fetch.py."
        )
    return array
