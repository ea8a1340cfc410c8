"""Images of unequal size in slots of one size."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Framed:
    """A batch of images, each in the upper left corner of a slot, lying on its long side.

    Attributes:
        pixels: uint8 [B, 3, S, L], on the device.
        height_B: of each image as it lies, int64, on the host.
        width_B: likewise; not less than its height.
        transposed_B: bool, where rows and columns were exchanged; likewise.
    """

    pixels: Tensor
    height_B: Tensor
    width_B: Tensor
    transposed_B: Tensor

    def __len__(self) -> int:
        return len(self.pixels)


Images = Tensor | Framed  # uint8 [B, 3, H, W] where all are squares of one size
