"""The operations that AutoAugment and RandAugment choose from."""

from __future__ import annotations

from enum import IntEnum, auto


class Kind(IntEnum):
    """One operation; torchvision's RandAugment knows those before INVERT."""

    IDENTITY = 0
    SHEAR_X = auto()
    SHEAR_Y = auto()
    TRANSLATE_X = auto()
    TRANSLATE_Y = auto()
    ROTATE = auto()
    COLOR = auto()
    SHARPNESS = auto()
    BRIGHTNESS = auto()
    CONTRAST = auto()
    POSTERIZE = auto()
    SOLARIZE = auto()
    AUTOCONTRAST = auto()
    EQUALIZE = auto()
    INVERT = auto()
    SOLARIZE_ADD = auto()


# what one function does at once
WARPS = range(Kind.SHEAR_X, Kind.COLOR)
COLORS = range(Kind.COLOR, Kind.SHARPNESS)
SHARPNESSES = range(Kind.SHARPNESS, Kind.BRIGHTNESS)
TABLES = range(Kind.BRIGHTNESS, len(Kind))
FAMILIES = (WARPS, COLORS, SHARPNESSES, TABLES)

BLENDS = range(Kind.COLOR, Kind.POSTERIZE)
SIGNED = range(Kind.SHEAR_X, Kind.POSTERIZE)  # their magnitudes come with either sign
