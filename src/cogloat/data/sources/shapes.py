"""The forms that images are stored in. Everything here takes and returns images in 8-bit colour."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PIL import Image

from cogloat.config.dataset import MARGIN, Slots

Shape = Callable[[Image.Image], Image.Image]

LONGEST = 100  # times its shorter side; a longer image is cropped before it is scaled, not after


def of_tests(size: int, slots: Slots | None) -> Shape:
    """Return the form of what is tested: a square of `size` pixels."""
    return partial(square if slots is None else evaluation_square, size=size)


def square(image: Image.Image, size: int) -> Image.Image:
    """Scale the shorter side to `size`, then crop the centre."""
    if image.size == (size, size):
        return image
    if _is_too_long(image):
        return _central_square(image, size, 1)
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return image.crop((left, top, left + size, top + size))


def evaluation_square(image: Image.Image, size: int) -> Image.Image:
    """Scale the shorter side to 8/7 of `size`, then crop the centre, to torchvision's bits.

    That is Resize(256) and CenterCrop(224) of ImageNet's code: the longer side is cut to whole
    pixels, the place of the crop is rounded, half a pixel to even.
    """
    if _is_too_long(image):
        return _central_square(image, size, 1 / MARGIN)
    resized = round(size * MARGIN)
    short = min(image.size)
    width, height = (int(resized * side / short) for side in image.size)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def lying(image: Image.Image, slots: Slots) -> Image.Image:
    """Return an image that fits into a slot: its rows and columns are exchanged if it stands.

    What is beyond 3:2 is cut off, as much at either end. A larger image is scaled down.
    """
    if stands(image.size):
        image = image.transpose(Image.Transpose.TRANSPOSE)
    width, height = image.size
    kept = min(width, height * 3 // 2)
    left = (width - kept) // 2
    box = (left, 0, left + kept, height)
    if height <= slots.short_side:
        return image.crop(box)
    scaled = min(max(1, round(kept * slots.short_side / height)), slots.long_side)
    return image.resize((scaled, slots.short_side), Image.Resampling.LANCZOS, box)


def stands(size: tuple[int, int]) -> bool:
    """Say whether an image of a width and a height is higher than it is wide."""
    width, height = size
    return height > width


def _is_too_long(image: Image.Image) -> bool:
    short, long = sorted(image.size)
    return long > LONGEST * short


def _central_square(image: Image.Image, size: int, share: float) -> Image.Image:
    """Return the square in the middle whose side is a share of the shorter side."""
    side = share * min(image.size)
    left, top = ((whole - side) / 2 for whole in image.size)
    return image.resize(
        (size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side)
    )
