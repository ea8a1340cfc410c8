"""What stands on a backbone's features: projections and classifiers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.config.types import HeadName, InitName
from cogloat.models.normalisation import Norm


class ProjectionHead(nn.Module):
    """Linear, ReLU, linear, unit norm: TSC's CIFAR head; PaCo's and BCL's have batch norm too.

    Args:
        features: of the backbone.
        hidden: width of the first layer.
        outputs: width of the last.
        norm: makes what normalises before the ReLU, if something does.
        last_init: how the last layer's weights begin; the first layer's are PyTorch's own.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        outputs: int,
        norm: Norm | None = None,
        *,
        last_init: InitName = "torch",
    ) -> None:
        super().__init__()
        first = nn.Linear(features, hidden)
        between = [norm(hidden)] if norm else []
        last = make_linear(hidden, outputs, last_init)
        self.layers = nn.Sequential(first, *between, nn.ReLU(), last)

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


def make_classifier(
    kind: HeadName, features: int, classes: int, init: InitName = "kaiming"
) -> nn.Linear | CosineClassifier:
    """Return a classifier; a linear one's weights begin as `init` says."""
    if kind == "cosine":
        return CosineClassifier(features, classes)
    return make_linear(features, classes, init)


def make_linear(features: int, outputs: int, init: InitName) -> nn.Linear:
    """Return a layer whose weights are Kaiming-normal or PyTorch's own; its bias is PyTorch's."""
    linear = nn.Linear(features, outputs)
    if init == "kaiming":
        nn.init.kaiming_normal_(linear.weight)
    return linear
