"""What stands on a backbone's features: projections and classifiers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.config.types import HeadName


class ProjectionHead(nn.Module):
    """Linear, ReLU, linear, unit norm: TSC's CIFAR head; PaCo's and BCL's have batch norm too."""

    def __init__(self, features: int, hidden: int, outputs: int, *, batch_norm: bool) -> None:
        super().__init__()
        norm = [nn.BatchNorm1d(hidden)] if batch_norm else []
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), *norm, nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map features [B, features] to unit embeddings [B, outputs]."""
        return F.normalize(self.layers(features), dim=1)


class CosineClassifier(nn.Module):
    """Cosines of features and class vectors; LDAM scales them in its loss (Cao et al. 2019)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.empty(classes, features).uniform_(-1, 1)))

    def forward(self, features: Tensor) -> Tensor:
        """Map features [B, features] to cosines [B, classes]."""
        return F.linear(F.normalize(features, dim=1), F.normalize(self.weight, dim=1))


def make_classifier(kind: HeadName, features: int, classes: int) -> nn.Linear | CosineClassifier:
    """Return a classifier; a linear one starts from Kaiming-normal weights, like the backbone."""
    if kind == "cosine":
        return CosineClassifier(features, classes)
    linear = nn.Linear(features, classes)
    nn.init.kaiming_normal_(linear.weight)
    return linear
