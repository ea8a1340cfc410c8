"""What a store is made of, for what plans the graph. Imports no torch and no PIL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from cogloat.config.dataset import Dataset, ImageFolder, ListFile
from cogloat.data.sources.folders import list_folder
from cogloat.data.sources.listing import ImageFile, Listing, refuse
from cogloat.data.sources.lists import list_lists
from cogloat.errors import UserError
from cogloat.files import sha256, write_json

READERS = 8  # threads, which wait for the disk


def list_images(dataset: Dataset) -> Listing:
    """Return the image files of a dataset.

    Raises:
        UserError: if it is not made of such files as its own file says.
    """
    match dataset.source:
        case ImageFolder() as source:
            return list_folder(source, dataset.classes)
        case ListFile() as source:
            return list_lists(source, dataset.classes)
    raise TypeError(f"a source of kind {dataset.source.kind} has no image files")


def is_there(source: ImageFolder | ListFile) -> bool:
    """Say whether a source's folder has anything; an unmounted disk leaves an empty one."""
    folder = Path(source.path if isinstance(source, ImageFolder) else source.root)
    with suppress(OSError):
        return any(folder.iterdir())
    return False


def inventory(listing: Listing) -> str:
    """Return the SHA-256 of the files' names, labels, sizes and times; no file is opened."""
    return _hash([listing.classes, listing.parts])


def content(dataset: Dataset, cache: Path) -> str:
    """Return the SHA-256 of what the files hold: the same where the same store comes of them.

    All files are read, unless their inventory is the one that the cache has.

    Args:
        dataset: one of image files.
        cache: file that keeps the inventory of what was read last, and its hash.

    Raises:
        UserError: if the files are not as the dataset's file says, or one cannot be read.
    """
    listing = list_images(dataset)
    known = {"inventory": inventory(listing)}
    cached = _read(cache)
    if cached.items() >= known.items() and isinstance(cached.get("content"), str):
        return str(cached["content"])
    known["content"] = _content(listing, dataset.label)
    write_json(cache, known)
    return known["content"]


def _content(listing: Listing, label: str) -> str:
    problems: list[UserError] = []

    def digest(file: ImageFile) -> str:
        try:
            return _sha256(file.path)
        except UserError as error:
            problems.append(error)
            return ""

    files = [file for part in listing.parts.values() for file in part]
    with ThreadPoolExecutor(READERS) as pool:
        found: Iterable[str] = pool.map(digest, files)
        digests = list(tqdm(found, f"read {label}", len(files), unit="img", disable=None))
    refuse(sorted(problems, key=str), label)
    labels = [[file.label for file in part] for part in listing.parts.values()]
    return _hash([listing.classes, labels, digests])


def _sha256(path: str) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Mend or remove it.") from None


def _read(cache: Path) -> dict[str, object]:
    """Return what the cache has; nothing where it is missing or damaged."""
    try:
        cached = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        return {}
    return cached if isinstance(cached, dict) else {}


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
