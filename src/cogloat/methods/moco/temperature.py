"""The adaptive temperature of the paper's section 3.3."""

from __future__ import annotations

import torch
from torch import Tensor

from cogloat.methods.moco.settings import AdaptiveTemperature, ConstantTemperature


def class_temperatures(
    counts_C: Tensor, temperature: ConstantTemperature | AdaptiveTemperature
) -> Tensor:
    """Return every class's temperature, float32 [C].

    An adaptive one is tau_c = base (gamma + (head - gamma) n_c / n_max): eq. 8 where base and head
    are 1.

    Args:
        counts_C: training images of each class.
        temperature: the settings.
    """
    match temperature:
        case ConstantTemperature(value=value):
            return torch.full_like(counts_C, value, dtype=torch.float32)
        case AdaptiveTemperature(gamma=gamma, head=head, base=base):
            share_C = counts_C.double() / counts_C.max()
            return (base * (gamma + (head - gamma) * share_C)).float()
