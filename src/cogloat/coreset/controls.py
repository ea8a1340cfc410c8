"""Coresets to compare GLISTER with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def random_coreset(labels_N: Tensor, budgets: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw each class's images uniformly without replacement; a full budget keeps all.

    Returns:
        Positions, class by class.
    """
    selected = []
    for label, budget in enumerate(budgets):
        own = torch.nonzero(labels_N == label).flatten()
        order = torch.randperm(len(own), generator=generator)
        selected.append(own[order[:budget]])
    return torch.cat(selected)
