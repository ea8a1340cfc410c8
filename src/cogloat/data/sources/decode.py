"""Image files to uint8 pixels: what 8-bit colour cannot hold is refused, with its reason."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION
from tqdm import tqdm

from cogloat.data.sources.listing import ImageFile
from cogloat.data.sources.shapes import Shape, square
from cogloat.errors import UserError

# All that is read: what is not here, such as EPS, may start a program to be drawn. MPO, a JPEG with
# more pictures in it, as phones write, is opened as JPEG.
FORMATS = ("JPEG", "PNG", "BMP", "PPM", "GIF", "TIFF", "WEBP")
# what convert("RGB") keeps; CMYK and YCbCr by Pillow's formula, without a colour profile
EIGHT_BIT = {"1", "L", "P", "RGB", "RGBX", "LA", "PA", "RGBA", "CMYK", "YCbCr"}
SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N"}


@dataclass(frozen=True)
class Decoded:
    """The images of one part.

    Attributes:
        images_NCHW: the pixels.
        sizes_N2: width and height of each file's image, before it was scaled.
        converted: what was changed of pixels beside their size, or is odd -> the files' names.
    """

    images_NCHW: NDArray[np.uint8]
    sizes_N2: NDArray[np.int32]
    converted: dict[str, list[str]]


def decode(
    files: Sequence[ImageFile],
    size: int,
    background: int,
    threads: int,
    what: str,
    problems: list[UserError],
) -> Decoded:
    """Decode images in parallel (Pillow leaves the interpreter's lock).

    Args:
        files: of one part.
        size: side of the square that is stored.
        background: grey level behind transparent pixels.
        threads: that decode.
        what: is decoded, for the progress bar.
        problems: gets what is wrong with each file that gives no image.
    """
    images_NCHW = np.zeros((len(files), 3, size, size), np.uint8)
    sizes_N2 = np.zeros((len(files), 2), np.int32)

    def one(position: int) -> list[str] | UserError:
        try:
            image = read_image(files[position], partial(square, size=size), background)
        except UserError as error:
            return error
        images_NCHW[position], sizes_N2[position] = image.pixels_CHW, image.before.size
        return image.changes

    converted: dict[str, list[str]] = {}
    with image_warnings(), ThreadPoolExecutor(threads) as pool:
        results: Iterable[list[str] | UserError] = pool.map(one, range(len(files)))
        bar = tqdm(results, f"decode {what}", len(files), unit="img", disable=None)
        for file, result in zip(files, bar, strict=True):
            if isinstance(result, UserError):
                problems.append(result)
                continue
            for change in result:
                converted.setdefault(change, []).append(file.name)
    return Decoded(images_NCHW, sizes_N2, converted)


class ImageRead(NamedTuple):
    """One image in the form that is stored, as it was before, and what else was changed."""

    pixels_CHW: NDArray[np.uint8]
    before: Image.Image
    changes: list[str]


def read_image(file: ImageFile, shape: Shape, background: int) -> ImageRead:
    """Read one image file. Call it within `image_warnings`.

    Args:
        file: to be read.
        shape: makes the form that is stored.
        background: as of `decode`.

    Raises:
        UserError: if it gives no image, naming it.
    """
    with _named(file), _opened(file) as opened:
        image, changes = _rgb(opened, background)
        pixels_CHW = np.asarray(shape(image)).transpose(2, 0, 1)
        return ImageRead(pixels_CHW, image, [*_oddities(opened, file.path), *changes])


def check_headers(
    files: Sequence[ImageFile], threads: int, what: str, problems: list[UserError]
) -> None:
    """Look at the beginning of each file: most of what gives no image is found without decoding.

    Args:
        files: of one part.
        threads: that wait for the disk.
        what: is looked at, for the progress bar.
        problems: gets what is wrong with each file.
    """

    def one(file: ImageFile) -> UserError | None:
        try:
            with _named(file), _opened(file) as opened:
                _check_kind(opened)
        except UserError as error:
            return error
        return None

    with image_warnings(), ThreadPoolExecutor(threads) as pool:
        results: Iterable[UserError | None] = pool.map(one, files)
        for problem in tqdm(results, f"look at {what}", len(files), unit="img", disable=None):
            if problem is not None:
                problems.append(problem)


@contextmanager
def _named(file: ImageFile) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"{file.path}: {error}") from None


@contextmanager
def image_warnings() -> Iterator[None]:
    """Pass over warnings of metadata, which nothing here uses; too many pixels are an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def _opened(file: ImageFile) -> Iterator[Image.Image]:
    """Open an image; whatever keeps it from being read, now or later, is a UserError."""
    try:
        with Image.open(file.path, formats=FORMATS) as image:
            yield image
    except (UserError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(
            f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels, Pillow's limit. Scale it down, or "
            "remove it."
        ) from None
    except UnidentifiedImageError:
        if file.size == 0:
            raise UserError("unreadable image (the file is empty). Replace or remove it.") from None
        raise UserError(
            "unreadable image (damaged, or none of JPEG, PNG, BMP, PPM, GIF, TIFF and WebP). "
            "Replace or remove it."
        ) from None
    except PermissionError:
        raise UserError("cannot be read (no permission). Mend its rights, or remove it.") from None
    except Exception as error:  # of many types, where a file is damaged
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise UserError(
            f"unreadable image ({reason or type(error).__name__}). Replace or remove it."
        ) from None


def _rgb(file: Image.Image, background: int) -> tuple[Image.Image, list[str]]:
    """Return a file's image in 8-bit colour, and what was changed for that."""
    _check_kind(file)
    changes = ["16 bits"] if _has_16_bits(file) else []
    image: Image.Image = _8_bit(file) if _is_16_bit_grey(file) else file
    if not image.has_transparency_data:
        return image.convert("RGB"), changes
    layer = image.convert("RGBA")
    opacity = layer.getchannel("A")
    if opacity.getextrema()[0] == 255:
        return layer.convert("RGB"), changes
    below = Image.new("RGB", layer.size, (background,) * 3)
    below.paste(layer.convert("RGB"), mask=opacity)
    return below, [*changes, "transparency"]


def _check_kind(file: Image.Image) -> None:
    """Refuse what has no image in 8-bit colour; its pixels are not read."""
    frames = getattr(file, "n_frames", 1)
    if frames > 1 and file.format != "MPO":
        raise UserError(f"has {frames} frames or pages, and one is needed. Save each as a file.")
    if min(file.size) == 0:
        raise UserError("has no pixels. Replace or remove it.")
    if file.mode not in EIGHT_BIT and not _is_16_bit_grey(file):
        kind = {"F": "floating-point numbers", "I": "32-bit or signed integers"}
        raise UserError(
            f"its pixels are {kind.get(file.mode, f'of the kind {file.mode}')}, which have no "
            "certain place among 256 grey levels. Save it as 8-bit grey or RGB."
        )


def _is_16_bit_grey(file: Image.Image) -> bool:
    return file.mode in SIXTEEN_BIT or (file.mode, file.format) == ("I", "PPM")


def _oddities(file: Image.Image, path: str) -> list[str]:
    """Return what is read here, and what a stricter program would not read or read otherwise."""
    formats = Image.registered_extensions()
    named = formats.get(Path(path).suffix.lower(), file.format)
    odd = ["CMYK"] if file.mode == "CMYK" else []
    return odd if file.format in (named, "MPO") else [f"{file.format} named {named}", *odd]


def _has_16_bits(file: Image.Image) -> bool:
    """Say whether a file's samples have 16 bits; of those in colour Pillow keeps the upper 8."""
    raw_modes = [str(tile[3]) for tile in getattr(file, "tile", [])]
    return file.mode.startswith("I") or any(";16" in mode for mode in raw_modes)


def _8_bit(file: Image.Image) -> Image.Image:
    """Scale grey of 16 bits to 8, rounded to the nearest level."""
    if "transparency" in file.info:
        raise UserError("is 16-bit grey with a transparent level. Save it as 8-bit grey or RGBA.")
    white_is_zero = getattr(file, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0
    if white_is_zero or "I;12" in str(getattr(file, "tile", "")):  # Pillow heeds neither
        raise UserError("is a TIFF of 12 bits, or with white as 0. Save it as 8-bit grey or RGB.")
    grey_HW = np.asarray(file).astype(np.uint32)
    return Image.fromarray(((grey_HW + 128) // 257).astype(np.uint8))
