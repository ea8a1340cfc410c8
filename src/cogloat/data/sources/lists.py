"""List files: a line 'path label' for each image, and the folder that the paths start from."""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path

from cogloat.config.dataset import ListFile
from cogloat.data.labels import Split
from cogloat.data.sources.listing import ImageFile, Listing, collected, refuse
from cogloat.data.sources.missing import likely_cause
from cogloat.errors import UserError, lost
from cogloat.files import git_blob_id
from cogloat.readers.text import read_text


def list_lists(source: ListFile, classes: int) -> Listing:
    """List the images of the list files, in their lines' order.

    Args:
        source: says where they are.
        classes: how many there must be.

    Raises:
        UserError: if a file is missing or another than is meant, or lines are wrong, naming all.
    """
    root = Path(source.root)
    if not root.is_dir():
        fix = (
            "no such folder. Correct source.root in the dataset's file: the paths that are listed "
            "start from it. What needs other images alone is made if it is asked for by its path."
        )
        raise lost(root, fix)
    files: dict[Split, Path] = {"train": Path(source.train), "test": Path(source.test)}
    if source.validation is not None:
        files["validation"] = Path(source.validation)
    texts = {split: _text(file) for split, file in files.items()}
    if source.blobs is not None:
        problems = list[UserError]()
        for split, file in files.items():
            with collected(problems):
                _check_blob(file, getattr(source.blobs, split), split)
        refuse(problems, "the lists")
    found = _Found(source.root, classes)
    parts = {split: found.images(file, texts[split]) for split, file in files.items()}
    cause = likely_cause(found.missing, found.names, source.root)
    refuse(found.problems, " and ".join(map(str, files.values())), cause)
    return Listing(parts, _names(parts["train"], classes), {})


def _names(images: list[ImageFile], classes: int) -> list[str]:
    """Return the names of the folders that the classes lie in, if each has one, else numbers."""
    folders: dict[int, set[str]] = {}
    for image in images:
        folders.setdefault(image.label, set()).add(Path(image.name).parent.name)
    names = [" ".join(folders[label]) for label in range(classes)]
    alone = all(len(own) == 1 for own in folders.values())
    if alone and all(names) and len(set(names)) == classes:
        return names
    return [str(label) for label in range(classes)]


class _Found:
    """What was found of lists: the names in them, those that are missing, and what is wrong."""

    def __init__(self, root: str, classes: int) -> None:
        self.names: list[str] = []
        self.missing: list[str] = []
        self.problems: list[UserError] = []
        self._root, self._classes = root, classes

    def images(self, file: Path, text: str) -> list[ImageFile]:
        """Return the images that a list has; what is wrong with it is added to the problems."""
        images = []
        lines: dict[str, int] = {}
        before = len(self.problems)
        for number, line in enumerate(io.StringIO(text, newline=None), start=1):
            try:
                if line.strip():
                    image = self._image(line.strip())
                    _check_new(lines, number, image)
                    images.append(image)
            except UserError as error:
                self.problems.append(UserError(f"{file}: line {number}: {error}"))
        if len(self.problems) == before:
            with collected(self.problems):
                _check_complete(file, images, self._classes)
        return images

    def _image(self, line: str) -> ImageFile:
        """Return the image of a line."""
        name, label = _name_and_label(line, self._classes)
        self.names.append(name)
        path = os.path.join(self._root, name)  # noqa: PTH118  faster, and there may be a million
        try:
            status = _status(path)
        except FileNotFoundError:
            self.missing.append(name)
            raise UserError(f"no such image: {path}. Correct the path, or source.root.") from None
        return ImageFile(name, path, label, status.st_size, status.st_mtime_ns)


def _name_and_label(line: str, classes: int) -> tuple[str, int]:
    """Return what a line says."""
    name, _, label = line.rpartition(" ")
    if not name or name[-1] in " \t,;" or re.search("[\t,;]", label):
        raise UserError(
            f"{_shown(line)} is not 'path label', one space between them. Correct the line."
        )
    if not re.fullmatch("[0-9]{1,9}", label) or int(label) >= classes:
        raise UserError(
            f"label {_shown(label)} is not one of 0 to {classes - 1}; labels start at 0. Correct "
            "the label, or `classes` in the dataset's file."
        )
    return name, int(label)


def _status(path: str) -> os.stat_result:
    """Return what is known of a file that a path leads to."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be reached ({error.strerror}). Correct the path.") from None
    except ValueError:  # by a locale other than UTF-8
        raise UserError(
            f"{path} has letters that paths cannot have here. Set LC_ALL=C.UTF-8."
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is a folder. List the images in it.")
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is neither file nor folder. Remove the line.")
    return status


def _check_new(lines: dict[str, int], number: int, image: ImageFile) -> None:
    """Refuse an image that stands in an earlier line, and note the line of another one."""
    line = lines.setdefault(os.path.normpath(image.path), number)
    if line != number:
        raise UserError(f"{image.name} is in line {line} already. Remove one of the lines.")


def _check_complete(file: Path, images: list[ImageFile], classes: int) -> None:
    """Refuse a list that has not every class."""
    if not images:
        raise UserError(f"{file}: the list is empty. Add lines 'path label'.")
    there = {image.label for image in images}
    missing = [label for label in range(classes) if label not in there]
    if missing:
        raise UserError(
            f"{file}: there is no image of {len(missing)} of the {classes} classes, such as "
            f"{missing[0]}. Add some, or correct `classes` in the dataset's file."
        )


def _check_blob(file: Path, known: str | None, split: Split) -> None:
    """Refuse a list that is not the one that the dataset's file names."""
    found = git_blob_id(file.read_bytes())
    if known is not None and not found.startswith(known):
        raise UserError(
            f"{file}: its blob id is {found}, not {known}: an edited list, or that of another "
            f"set. Get the official one, or correct source.blobs.{split} in the dataset's file."
        )


def _text(file: Path) -> str:
    try:
        return read_text(file)
    except OSError as error:
        reason = f"the list cannot be read ({error.strerror}). Correct the dataset's file."
        raise lost(file, reason) from None


def _shown(text: str) -> str:
    """Return a text as it is, if it is short and can be seen."""
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if re.fullmatch("[!-~]+", text) else ascii(text)
