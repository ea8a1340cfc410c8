"""Filters along rows and columns: products with a band matrix an image."""

from __future__ import annotations

from torch import Tensor


def both_ways(rows_BOI: Tensor, images: Tensor, columns_BOI: Tensor) -> Tensor:
    """Filter each column of pixels by one matrix of its image, and each row by another.

    Args:
        rows_BOI: make the output's rows of the input's.
        images: [B, 3, H, W].
        columns_BOI: make the output's columns of the input's.
    """
    return rows_BOI[:, None] @ images @ columns_BOI[:, None].mT
