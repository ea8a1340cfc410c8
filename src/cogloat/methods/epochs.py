"""Shares of the epochs as whole epochs."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def whole_epochs(share: float, epochs: int) -> int:
    """Return a share of the epochs, rounded half up; at least one where the share is above 0.

    Args:
        share: from 0 to 1, taken as the decimal number it is written as.
        epochs: their number.
    """
    rounded = int((Decimal(str(share)) * epochs).quantize(Decimal(1), ROUND_HALF_UP))
    return max(rounded, 1) if share > 0 else 0
