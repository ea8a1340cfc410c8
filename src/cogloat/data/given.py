"""Images that a user gives by hand: files and folders, read as those of a dataset are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cogloat.data.sources.decode import image_warnings, read_image
from cogloat.data.sources.folders import why_passed_over
from cogloat.data.sources.listing import NAMED, ImageFile
from cogloat.data.sources.shapes import Shape
from cogloat.errors import UserError, lost


def image_files(given: Sequence[Path]) -> list[Path]:
    """Return the files, each once: of a folder all, and those of its sub-folders, by their names.

    Hidden files and folders, and what operating systems leave in folders, are no images.

    Raises:
        OSError: if a folder cannot be read.
        UserError: if a path does not exist, or a folder holds no file.
    """
    files: list[Path] = []
    for path in given:
        if not path.exists():
            raise lost(path, "no such file or folder. Check the path.")
        own = _files_in(path) if path.is_dir() else [path]
        if not own:
            raise UserError(f"{path}: the folder holds no file. Give one with images.")
        files += own
    return list(dict.fromkeys(files))


def decoded(
    files: Sequence[Path], shape: Shape, background: int, threads: int, batch: int
) -> Iterator[tuple[Sequence[Path], NDArray[np.uint8]]]:
    """Yield files and their images [B, 3, H, W], a batch at a time, and show the progress.

    After the first that is no image nothing more is yielded, but all are tried.

    Raises:
        UserError: in the end, if some are no images, naming them.
    """
    bad: list[str] = []
    with (
        image_warnings(),
        ThreadPoolExecutor(threads) as pool,
        tqdm(desc="predict", total=len(files), unit="img", disable=None) as shown,
    ):
        for start in range(0, len(files), batch):
            own = files[start : start + batch]
            tried = list(pool.map(lambda path: _image_or_reason(path, shape, background), own))
            bad += [reason for reason in tried if isinstance(reason, str)]
            if not bad:
                yield own, np.stack([image for image in tried if not isinstance(image, str)])
            shown.update(len(own))
    if bad:
        last = (
            f"{len(bad)} of {len(files)} files are no images that can be read; nothing is written."
        )
        raise UserError("\n".join([*bad[:NAMED], last]))


def _files_in(folder: Path) -> list[Path]:
    """Return all files below a folder, and links that lead nowhere, which are to be named.

    A link to a folder that was seen is not followed.
    """
    files: list[Path] = []
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_fail):
        if os.path.realpath(root) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(root))
        folders[:] = sorted(name for name in folders if why_passed_over(name) is None)
        own = [Path(root, name) for name in sorted(names) if why_passed_over(name) is None]
        files += [path for path in own if path.is_file() or not path.exists()]
    return files


def _fail(error: OSError) -> None:
    raise error


def _image_or_reason(path: Path, shape: Shape, background: int) -> NDArray[np.uint8] | str:
    try:
        status = path.stat()
        file = ImageFile(path.name, str(path), 0, status.st_size, status.st_mtime_ns)
        return read_image(file, shape, background).pixels_CHW
    except FileNotFoundError:
        return f"{path}: a link that leads nowhere. Mend or remove it."
    except UserError as error:
        return str(error)
