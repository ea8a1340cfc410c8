"""The store: a dataset as uint8 arrays on disk, memory-mapped, the same for every source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor

from cogloat.data.labels import FETCH_IT, Split, read_labels
from cogloat.data.rows import Rows
from cogloat.errors import UserError, lost
from cogloat.files import sha256, write_atomically, write_json
from cogloat.readers.arrays import read_array
from cogloat.results.reading import Artefact, Count

MANIFEST = "store.json"
CHANNELS = 3
HELD = 4 * 2**30  # bytes of an array that is read whole; a larger one stays on disk


@dataclass(frozen=True)
class Images:
    """One part of a dataset: uint8 [N, 3, H, W] and int64 [N]."""

    images_NCHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]


class Blocks(Artefact):
    """The hashes of an array's rows, so many at a time.

    Attributes:
        rows: of each block but the last.
        sha256: of the blocks, in their order.
    """

    rows: Count
    sha256: tuple[str, ...]


class Array(Artefact):
    """What the manifest says of an array: the hash of its file, or those of its blocks."""

    shape: tuple[int, ...]
    sha256: str | None = None
    blocks: Blocks | None = None


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
    begin_store(folder)
    described: dict[str, Array] = {}
    for split, part in parts.items():
        described |= write_array(folder / f"{split}_images.npy", part.images_NCHW)
        described |= write_array(folder / f"{split}_labels.npy", part.labels_N)
    end_store(folder, described, classes)


def begin_store(folder: Path) -> None:
    """Remove an earlier store's manifest, without which the folder is no store."""
    (folder / MANIFEST).unlink(missing_ok=True)


def write_array(path: Path, array: NDArray) -> dict[str, Array]:
    """Write an array, and return what the manifest says of it."""
    write_atomically(path, lambda file: np.save(file, array))
    return {path.name: Array(shape=array.shape, sha256=sha256(path))}


def end_store(folder: Path, described: Mapping[str, Array], classes: Sequence[str]) -> None:
    """Write the manifest of arrays that are there."""
    files = {name: array.model_dump(exclude_none=True) for name, array in described.items()}
    write_json(folder / MANIFEST, {"classes": classes, "files": files})


def load_split_images(
    folder: Path, split: Split, indices: NDArray[np.int64] | None
) -> tuple[Tensor | Rows, Tensor]:
    """Read images and labels of a part, or only some of them.

    An array that is larger than `HELD` stays on disk, and its bytes are not looked at; a smaller
    one is held against its hashes.

    Returns:
        uint8 [N, 3, H, W], on the CPU or on disk, and int64 [N].

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
    if indices is not None:
        for row in np.flatnonzero((indices < 0) | (indices >= len(labels_N)))[:1]:
            raise UserError(
                f"{folder}: there is no image {indices[row]} among its {len(labels_N)}, numbered "
                f"from 0; line {row + 2} of the split asks for it. It is of another dataset or was "
                "edited; draw it again."
            )
        labels_N = labels_N[indices]
    if images_NCHW.nbytes > HELD:
        return Rows(images_NCHW, indices), torch.from_numpy(labels_N)
    chosen_NCHW = images_NCHW if indices is None else images_NCHW[indices]
    return torch.from_numpy(np.array(chosen_NCHW, order="C")), torch.from_numpy(labels_N)


def load_frames(
    folder: Path, split: Split, indices: NDArray[np.int64] | None
) -> NDArray[np.int64] | None:
    """Read how large each image is in its slot, and whether its rows and columns are exchanged.

    Returns:
        [N, 3]: height, width, 0 or 1. Nothing where images have no slots.

    Raises:
        UserError: if the file is missing or damaged.
    """
    manifest = _manifest(folder)
    path = folder / f"{split}_sizes.npy"
    if path.name not in manifest.files:
        return None
    _check_there(path)
    frames_N3 = read_array(path, "iu", 2, FETCH_IT)
    _check_known(path, frames_N3, manifest)
    chosen_N3 = frames_N3 if indices is None else frames_N3[indices]
    return chosen_N3.astype(np.int64)


def verify_store(folder: Path) -> None:
    """Read every byte of a store, and hold it against the hashes of its manifest.

    Raises:
        UserError: if a file is missing or damaged, naming the images of a block that is.
    """
    manifest = _manifest(folder)
    for name, known in manifest.files.items():
        path = folder / name
        _check_there(path)
        _check_bytes(path, known)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.exists():
        raise lost(path, "no such store. Make it with src/fetch.py.")
    return Manifest.read(path)


def _images(path: Path, manifest: Manifest) -> np.memmap:
    """Open images on disk; what they are is checked before their bytes are."""
    _check_there(path)
    images_NCHW = read_array(path, "u", 4, FETCH_IT, memory_map=True)
    assert isinstance(images_NCHW, np.memmap)
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
        raise lost(path, "no such file. Make the store with src/fetch.py.")


def _check_known(path: Path, array: NDArray, manifest: Manifest) -> None:
    """Refuse an array that is not the one its manifest names."""
    known = manifest.files.get(path.name)
    if known is None or array.shape != known.shape:
        raise UserError(f"{path}: not the array of its store. {FETCH_IT}")
    if array.nbytes <= HELD:
        _check_bytes(path, known)


def _check_bytes(path: Path, known: Array) -> None:
    """Refuse a file whose bytes are not those of its manifest."""
    where = ""
    if known.blocks is None:
        if sha256(path) == known.sha256:
            return
    else:
        array = read_array(path, "u", len(known.shape), FETCH_IT, memory_map=True)
        assert isinstance(array, np.memmap)
        chunks = Rows(array).chunks(known.blocks.rows)
        for number, (chunk, digest) in enumerate(zip(chunks, known.blocks.sha256, strict=True)):
            if hashlib.sha256(chunk.numpy().data).hexdigest() != digest:
                first = number * known.blocks.rows
                where = f" in images {first} to {first + len(chunk) - 1}, counted from 0"
                break
        else:
            return
    raise UserError(
        f"{path}: corrupt{where}, its SHA-256 is not the one in {path.with_name(MANIFEST)}. "
        "Get the file again, or make the store again with src/fetch.py."
    )
