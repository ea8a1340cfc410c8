"""The types of augmentation: operations in their order, each image with a draw of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cogloat.config.checks import check_rising
from cogloat.config.types import Count, Fraction, Range, Strict

GreyLevel = Annotated[int, Field(ge=0, le=255)]
Levels = tuple[GreyLevel, GreyLevel, GreyLevel]
AreaShare = Annotated[float, Field(gt=0, le=1)]
Zoom = Annotated[float, Field(ge=0.1, le=10)]
Reach = Annotated[Fraction, Field(description="factors are from 1 less this to 1 plus this")]


def _check_odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError(
            f"a kernel of {width} pixels has no middle. Write {width - 1} or {width + 1}."
        )
    return width


class RandomResizedCrop(Strict):
    op: Literal["random_resized_crop"]
    scale: Annotated[tuple[AreaShare, AreaShare], AfterValidator(check_rising)] = Field(
        description="fraction of the image's area that the crop keeps"
    )
    ratio: Range = Field(default=(3 / 4, 4 / 3), description="width over height of the crop")


class PaddedCrop(Strict):
    op: Literal["padded_crop"]
    padding: Count = Field(description="zero pixels added on each side before the crop")


class Flip(Strict):
    op: Literal["flip"]
    p: Fraction = 0.5


class ColorJitter(Strict):
    op: Literal["color_jitter"]
    brightness: Reach
    contrast: Reach
    saturation: Reach
    hue: Annotated[float, Field(ge=0, le=0.5)]
    p: Fraction


class Grayscale(Strict):
    op: Literal["grayscale"]
    p: Fraction


class Blur(Strict):
    op: Literal["blur"]
    sigma: Range = Field(description="standard deviation of the kernel, in pixels")
    kernel: Annotated[Count, AfterValidator(_check_odd)] = Field(
        description="width of the kernel, odd, in pixels"
    )
    p: Fraction


class Affine(Strict):
    op: Literal["affine"]
    degrees: Annotated[float, Field(ge=0, le=180)] = Field(description="largest turn, either way")
    translate: Fraction = Field(description="largest shift, as a fraction of the image's side")
    scale: Annotated[tuple[Zoom, Zoom], AfterValidator(check_rising)]


class AutoAugment(Strict):
    op: Literal["autoaugment"]
    policy: Literal["cifar10"] = Field(description="data that the sub-policies were learned on")
    fill: GreyLevel = Field(description="of pixels that a shear, shift or rotation leaves empty")


class RandAugment(Strict):
    op: Literal["randaugment"]
    operations: Count = Field(description="drawn for each image, with replacement")
    magnitude: Annotated[int, Field(ge=0, le=30)] = Field(description="of every operation")
    fill: GreyLevel = Field(description="of pixels that a shear, shift or rotation leaves empty")


class RandAugmentTimm(Strict):
    """RandAugment of timm (rwightman), as PaCo's and BCL's code have it: `rand-n2-m10-mstd0.5`."""

    op: Literal["randaugment_timm"]
    operations: Count = Field(
        description="drawn for each image, with replacement; each is left out half of the time"
    )
    magnitude: Annotated[float, Field(ge=0, le=10)] = Field(
        description="mean of every operation's magnitude, which ends at 10"
    )
    deviation: Annotated[float, Field(ge=0, le=10)] = Field(
        description="standard deviation of the magnitudes, before they are cut at 0 and 10"
    )
    fill: Levels = Field(
        description="of each channel, where a shear, shift or rotation leaves pixels empty"
    )


class Cutout(Strict):
    op: Literal["cutout"]
    size: Count = Field(description="side of the black square, in pixels")


Operation = Annotated[
    RandomResizedCrop
    | PaddedCrop
    | Flip
    | ColorJitter
    | Grayscale
    | Blur
    | Affine
    | AutoAugment
    | RandAugment
    | RandAugmentTimm
    | Cutout,
    Field(discriminator="op"),
]


def check_fits(operation: Operation, side: int) -> None:
    """Refuse an operation that images are too small for.

    Args:
        operation: of a recipe.
        side: of the square images, in pixels.

    Raises:
        ValueError: naming the key, its value and the largest that there may be.
    """
    match operation:
        case Blur(kernel=kernel) if kernel // 2 >= side:  # mirrors that many pixels
            raise ValueError(
                f"kernel: {kernel} is too wide for images of {side} pixels. "
                f"Write at most {2 * side - 1}."
            )
        case PaddedCrop(padding=padding) if padding >= side:
            raise ValueError(
                f"padding: with {padding} a crop may miss an image of {side} pixels. "
                f"Write at most {side - 1}."
            )
        case Cutout(size=size) if size > side:
            raise ValueError(
                f"size: a square of {size} is larger than an image of {side} pixels. "
                f"Write at most {side}."
            )
