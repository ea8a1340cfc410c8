"""The types of augmentation: operations in their order, each image with a draw of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cogloat.config.types import Count, Fraction, NonNegative, Range, Strict

GreyLevel = Annotated[int, Field(ge=0, le=255)]


class RandomResizedCrop(Strict):
    op: Literal["random_resized_crop"]
    scale: Range = Field(description="fraction of the image's area that the crop keeps")
    ratio: Range = Field(default=(3 / 4, 4 / 3), description="width over height of the crop")


class PaddedCrop(Strict):
    op: Literal["padded_crop"]
    padding: Count = Field(description="zero pixels added on each side before the crop")


class Flip(Strict):
    op: Literal["flip"]
    p: Fraction = 0.5


class ColorJitter(Strict):
    op: Literal["color_jitter"]
    brightness: NonNegative
    contrast: NonNegative
    saturation: NonNegative
    hue: Annotated[float, Field(ge=0, le=0.5)]
    p: Fraction


class Grayscale(Strict):
    op: Literal["grayscale"]
    p: Fraction


class Blur(Strict):
    op: Literal["blur"]
    sigma: Range = Field(description="standard deviation of the kernel, in pixels")
    kernel: Count = Field(description="width of the kernel, odd, in pixels")
    p: Fraction


class Affine(Strict):
    op: Literal["affine"]
    degrees: NonNegative
    translate: Fraction = Field(description="largest shift, as a fraction of the image's side")
    scale: Range


class AutoAugment(Strict):
    op: Literal["autoaugment"]
    policy: Literal["cifar10"] = Field(description="data that the sub-policies were learned on")
    fill: GreyLevel = Field(description="of pixels that a shear, shift or rotation leaves empty")


class RandAugment(Strict):
    op: Literal["randaugment"]
    operations: Count = Field(description="drawn for each image, with replacement")
    magnitude: Annotated[int, Field(ge=0, le=30)] = Field(description="of every operation")
    fill: GreyLevel = Field(description="of pixels that a shear, shift or rotation leaves empty")


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
    | Cutout,
    Field(discriminator="op"),
]
