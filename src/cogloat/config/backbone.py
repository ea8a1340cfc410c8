"""Which network makes features of images. Imports no torch, like everything in this package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field

from cogloat.config.types import Strict

COLOURS = 3
NORM = 4  # of a channel of batch norm: scale, shift, and the running mean and variance


class Convolution(NamedTuple):
    """One layer, without bias, and with a batch norm."""

    kernel: int
    inputs: int
    outputs: int


def _check_depth(depth: int) -> int:
    """Refuse a depth that no CIFAR ResNet has."""
    if odd := (depth - 2) % 6:
        raise ValueError(
            f"a CIFAR ResNet has 6n+2 layers, not {depth}. "
            f"Write {depth - odd} or {depth - odd + 6}."
        )
    return depth


def _halved(side: int, times: int) -> int:
    """Return what layers of stride 2 leave of a side; each rounds up."""
    return -(-side // 2**times)


class CifarBackbone(Strict):
    """He et al. 2016, section 4.2: for images of about 32 pixels."""

    kind: Literal["cifar"]
    depth: Annotated[int, Field(ge=8, le=1202), AfterValidator(_check_depth)] = Field(
        description="layers, 6n+2"
    )

    @property
    def features(self) -> int:
        """How many numbers it makes of an image."""
        return 64

    def side(self, image_size: int) -> int:
        """Return the side of its last feature map, of images of so many pixels."""
        return _halved(image_size, 2)

    @property
    def convolutions(self) -> Iterator[Convolution]:
        """Its layers; the shortcuts have none."""
        yield Convolution(3, COLOURS, 16)
        inputs = 16
        for outputs in (16, 32, 64):
            for _ in range((self.depth - 2) // 3):
                yield Convolution(3, inputs, outputs)
                inputs = outputs


class ImagenetBackbone(Strict):
    """He et al. 2016, section 4.1: for images of about 224 pixels."""

    kind: Literal["imagenet"]
    depth: Literal[10, 50] = Field(description="layers: 10, of basic blocks, or 50, of bottlenecks")

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """How many blocks each stage has."""
        return (1, 1, 1, 1) if self.depth == 10 else (3, 4, 6, 3)

    @property
    def features(self) -> int:
        """How many numbers it makes of an image."""
        return 512 if self.depth == 10 else 2048

    def side(self, image_size: int) -> int:
        """Return the side of its last feature map, of images of so many pixels."""
        return _halved(image_size, 5)

    @property
    def convolutions(self) -> Iterator[Convolution]:
        """Its layers, those of the shortcuts included."""
        yield Convolution(7, COLOURS, 64)
        inputs = 64
        for width, blocks in zip((64, 128, 256, 512), self.blocks, strict=True):
            for block in range(blocks):
                if self.depth == 10:
                    outputs = width
                    yield from (Convolution(3, inputs, width), Convolution(3, width, width))
                else:
                    outputs = 4 * width
                    yield Convolution(1, inputs, width)
                    yield from (Convolution(3, width, width), Convolution(1, width, outputs))
                if block == 0 and inputs != outputs:
                    yield Convolution(1, inputs, outputs)
                inputs = outputs


Backbone = Annotated[CifarBackbone | ImagenetBackbone, Field(discriminator="kind")]


def weights(backbone: Backbone) -> int:
    """Return how many numbers the backbone's weights are, its running statistics included."""
    return sum(
        own.kernel**2 * own.inputs * own.outputs + NORM * own.outputs
        for own in backbone.convolutions
    )
