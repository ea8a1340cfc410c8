"""Image folders: train/<class>/* and test/<class>/*, with all that lies below them."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from cogloat.config.dataset import ImageFolder
from cogloat.data.labels import SPLITS
from cogloat.data.sources.listing import ImageFile, Listing, collected, refuse
from cogloat.errors import UserError, lost

# what systems and their tools leave in folders, in lower case
OF_SYSTEMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir"}
IMAGE_SUFFIXES = {
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"),
}


@dataclass
class _Search:
    """What was met in a search for images, beside them."""

    passed_over: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    problems: list[UserError] = field(default_factory=list)

    def entries(self, folder: str, name: str) -> list[tuple[os.DirEntry[str], str]]:
        """Return what is in a folder and is not passed over, each with its name.

        Args:
            folder: its path.
            name: its path within the source.
        """
        kept = []
        for entry in _scanned(folder):
            inside = f"{name}/{entry.name}"
            if why := why_passed_over(entry.name):
                self.passed_over[why].append(inside)
            else:
                kept.append((entry, inside))
        return kept


def why_passed_over(name: str) -> str | None:
    """Return why a file or folder of this name is no image, if the name says so."""
    if name.startswith("."):
        return "hidden"
    return "left by an operating system" if name.lower() in OF_SYSTEMS else None


def list_folder(source: ImageFolder, classes: int) -> Listing:
    """List an image folder, each class with its sub-folders, in the order of torchvision's.

    Args:
        source: says where it is.
        classes: how many there must be.

    Raises:
        UserError: if a class or an image is missing or cannot be reached, naming all.
    """
    root = Path(source.path)
    search = _Search()
    found = {split: _classes(root / split, split, search) for split in SPLITS}
    for split, other in (SPLITS, SPLITS[::-1]):
        with collected(search.problems):
            _check_has(root / split, found[split], found[other])
    parts = {}
    for split in SPLITS:
        parts[split] = [
            file
            for label, name in enumerate(found[split])
            for file in _images(root / split / name, f"{split}/{name}", label, search)
        ]
    refuse(search.problems, str(root))
    if len(found["train"]) != classes:
        raise UserError(
            f"{root}: the source has {len(found['train'])} classes, not {classes}. "
            "Change `classes` in the dataset's file."
        )
    return Listing(parts, found["train"], dict(search.passed_over))


def _classes(folder: Path, split: str, search: _Search) -> list[str]:
    """Return the names of the classes of a part, and note what lies beside their folders."""
    if not folder.is_dir():
        raise lost(folder, "no such folder. It must hold one folder a class.")
    names = []
    for entry, name in search.entries(str(folder), split):
        try:
            if _kind(entry) == stat.S_IFDIR:
                names.append(entry.name)
            elif Path(name).suffix.lower() in IMAGE_SUFFIXES:
                raise UserError(
                    f"{entry.path}: this image lies in no class's folder. Move it into one, or "
                    "away."
                )
            else:
                search.passed_over["in no class's folder"].append(name)
        except UserError as error:
            search.problems.append(error)
    return sorted(names)


def _check_has(folder: Path, own: list[str], other: list[str]) -> None:
    missing = sorted(set(other) - set(own))
    if missing:
        raise UserError(
            f"{folder}: has no folder of classes that the other part has: "
            f"{', '.join(map(_shown, missing))}. Add images of them here, or remove them there."
        )


def _images(folder: Path, name: str, label: int, search: _Search) -> list[ImageFile]:
    """Return a class's images: those of its folder first, then those of each sub-folder."""
    found: list[tuple[str, str, os.DirEntry[str]]] = []
    waiting: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(str(folder), name, frozenset())]
    while waiting:
        path, inside, above = waiting.pop()
        with collected(search.problems):
            here = above | {_identity(path, above)}
            for entry, file in search.entries(path, inside):
                try:
                    if _kind(entry) == stat.S_IFDIR:
                        waiting.append((entry.path, file, here))
                    else:
                        found.append((inside, entry.name, entry))
                except UserError as error:
                    search.problems.append(error)
    with collected(search.problems):
        if not found:
            raise UserError(f"{folder}: the class has no image. Add some, or remove the class.")
    return [
        ImageFile(
            f"{inside}/{file}", entry.path, label, entry.stat().st_size, entry.stat().st_mtime_ns
        )
        for inside, file, entry in sorted(found, key=lambda each: each[:2])
    ]


def _scanned(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be read ({error.strerror}). Mend its rights, or move it away."
        ) from None


def _kind(entry: os.DirEntry[str]) -> int:
    """Return whether an entry, or what it links to, is a file or a folder; nothing else will do."""
    try:
        kind = stat.S_IFMT(entry.stat().st_mode)
    except OSError as error:
        reason = f"cannot be reached ({error.strerror}). Mend or remove it."
        raise lost(Path(entry.path), reason) from None
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise UserError(f"{entry.path}: neither file nor folder. Remove it.")
    return kind


def _identity(folder: str, above: frozenset[tuple[int, int]]) -> tuple[int, int]:
    """Return what a folder is, however it is reached; it may be none of those above it."""
    status = Path(folder).stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        raise UserError(f"{folder}: a link to a folder that it lies in. Remove the link.")
    return identity


def _shown(name: str) -> str:
    """Return a name in quotes; one with accents apart from their letters does not look like it."""
    return f"'{name}'" if unicodedata.is_normalized("NFC", name) else ascii(name)
