"""What stands on a backbone's features: projections and classifiers."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.config.types import HeadName, InitName
from cogloat.models.memory import MemoryClassifier
from cogloat.models.normalisation import Norm


class ProjectionHead(nn.Module):
    """Linear, ReLU, linear, unit norm: TSC's CIFAR head; PaCo's and BCL's have batch norm too.

    Args:
        features: of the backbone.
        hidden: width of the first layer; 0 for one layer alone.
        outputs: width of the last.
        norm: makes what normalises before the first ReLU, if something does.
        layers: linear ones; those between the first and the last are as wide as the first.
        last_init: how the last layer's weights begin; the first layer's are PyTorch's own.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        outputs: int,
        norm: Norm | None = None,
        *,
        layers: int = 2,
        last_init: InitName = "torch",
    ) -> None:
        super().__init__()
        if hidden == 0:
            self.layers = nn.Sequential(make_linear(features, outputs, last_init))
            return
        first = nn.Linear(features, hidden)
        between = [norm(hidden)] if norm else []
        more = [(nn.Linear(hidden, hidden), nn.ReLU()) for _ in range(layers - 2)]
        last = make_linear(hidden, outputs, last_init)
        self.layers = nn.Sequential(first, *between, nn.ReLU(), *itertools.chain(*more), last)

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


class NearestMeanClassifier(nn.Module):
    """Scores by the distance to each class's mean, of features that are centred and of unit norm.

    Source: Kang et al. 2020 (NCM).
    """

    centre: Tensor
    means: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("means", torch.zeros(classes, features))

    def forward(self, features: Tensor) -> Tensor:
        """Map features [B, features] to 1 - |unit feature - mean|^2 [B, classes]."""
        unit = F.normalize(features - self.centre, dim=1)
        return F.linear(2 * unit, self.means) - self.means.square().sum(dim=1)


class Rescaled(nn.Module):
    """A linear classifier that stays, with a factor for each class's score (LWS, Kang et al. 2020).

    The factors begin at 1.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(linear.out_features))
        self.weight = nn.Parameter(linear.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(linear.bias.detach(), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map features [B, features] to scores [B, classes]."""
        return F.linear(features, self.scale[:, None] * self.weight, self.scale * self.bias)

    @torch.no_grad()
    def linear(self) -> nn.Linear:
        """Return a classifier of the same scores."""
        made = nn.Linear(self.weight.shape[1], self.weight.shape[0])
        made.weight.copy_(self.scale[:, None] * self.weight)
        made.bias.copy_(self.scale * self.bias)
        return made


def make_classifier(
    kind: HeadName, features: int, classes: int, init: InitName = "kaiming"
) -> nn.Module:
    """Return a classifier; a linear one's weights begin as `init` says."""
    match kind:
        case "linear":
            return make_linear(features, classes, init)
        case "cosine":
            return CosineClassifier(features, classes)
        case "nearest_mean":
            return NearestMeanClassifier(features, classes)
        case "memory":
            return MemoryClassifier(features, classes)


def make_linear(features: int, outputs: int, init: InitName) -> nn.Linear:
    """Return a layer whose weights are Kaiming-normal or PyTorch's own; its bias is PyTorch's."""
    linear = nn.Linear(features, outputs)
    if init == "kaiming":
        nn.init.kaiming_normal_(linear.weight)
    return linear
