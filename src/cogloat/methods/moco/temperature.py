"""The adaptive temperature of the paper's section 3.3."""

from __future__ import annotations

from torch import Tensor


def class_temperatures(counts_C: Tensor, gamma: float) -> Tensor:
    """Return tau_c = gamma + (1 - gamma) n_c / n_max for every class (eq. 8), float32 [C]."""
    return (gamma + (1 - gamma) * (counts_C.double() / counts_C.max())).float()
