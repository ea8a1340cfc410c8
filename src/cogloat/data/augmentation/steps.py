"""What AutoAugment and RandAugment drew for a batch, and its application on 256 grey levels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from torch import Tensor

from cogloat.config.augmentation import Levels
from cogloat.data.augmentation import lookup, mixing, smooth, warp
from cogloat.data.augmentation.kinds import COLORS, FAMILIES, SHARPNESSES, WARPS, Kind
from cogloat.data.augmentation.levels import divide_levels
from cogloat.randomness import sent


@dataclass(frozen=True)
class Steps:
    """Operations on each image, one a step, in the order of the first dimension; on the host.

    Attributes:
        kind_SB: values of `Kind`, int64; the identity where an image leaves a step out.
        magnitude_SB: signed, float64.
        cubic_SB: whether a warp interpolates by cubes, else by lines; without it, each pixel of a
            warp is the nearest one.
    """

    kind_SB: Tensor
    magnitude_SB: Tensor
    cubic_SB: Tensor | None = None


def apply(images: Tensor, steps: Steps, fill: int | Levels) -> Tensor:
    """Return images in 0..1 after every step; warped ones show the grey level `fill` outside."""
    levels = (255 * images).contiguous().round_()
    channels = fill if isinstance(fill, tuple) else (fill,) * 3
    for step, (kind_B, magnitude_B) in enumerate(
        zip(steps.kind_SB, steps.magnitude_SB, strict=True)
    ):
        counts = kind_B.bincount(minlength=len(Kind)).tolist()
        order_B = kind_B.argsort(stable=True)
        starts = list(accumulate(counts, initial=0))
        for family in FAMILIES:
            chosen = order_B[starts[family.start] : starts[family.stop]]
            if len(chosen):
                places = sent(chosen, images.device)
                some = levels.index_select(0, places)
                kind, magnitude = kind_B[chosen], magnitude_B[chosen]
                if family == WARPS and steps.cubic_SB is not None:
                    cubic = steps.cubic_SB[step][chosen]
                    out = smooth.warp(some, kind, magnitude, cubic, channels)
                else:
                    sizes = counts[family.start : family.stop]
                    out = _operate(family, some, kind, sizes, magnitude, channels[0])
                levels.index_copy_(0, places, out)
    return divide_levels(levels)


def _operate(
    family: range,
    levels: Tensor,
    kind_B: Tensor,
    sizes: list[int],
    magnitude_B: Tensor,
    fill: int,
) -> Tensor:
    """Apply the operations of one family to images sorted by kind."""
    if family == WARPS:
        return warp.warp(levels, kind_B, magnitude_B, fill)
    if family == COLORS:
        return mixing.color(levels, 1 + magnitude_B[:, None, None, None])
    if family == SHARPNESSES:
        return mixing.sharpness(levels, 1 + magnitude_B[:, None, None, None])
    return lookup.look_up(levels, sizes, magnitude_B)
