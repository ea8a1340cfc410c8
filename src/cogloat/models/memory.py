"""OLTR's network (Liu et al. 2019): attention over places, and a memory of the classes.

Shapes: B images, C classes, D features, P places of a feature map.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from cogloat.models.imagenet import ImagenetResNet
    from cogloat.models.resnet import CifarResNet

REACH = 10.0  # of the reachability: what the distance to the nearest class is divided into
SCALE = 16.0  # of the scores
LEAST = 1e-3  # of that distance: the only image of a class is at its point


class ModulatedAttention(nn.Module):
    """Adds to a feature map what its places see of each other; nothing at first.

    Args:
        features: of the map.
        places: of the map, height times width.
    """

    def __init__(self, features: int, places: int) -> None:
        super().__init__()
        inner = features // 2
        self.theta, self.phi, self.g = (nn.Conv2d(features, inner, 1) for _ in range(3))
        self.back = nn.Conv2d(inner, features, 1, bias=False)
        self.weigh = nn.Linear(features * places, places)
        for layer in (self.theta, self.phi, self.g):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.back.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """Map [B, D, H, W] to as much."""
        theta_BIP, phi_BIP, g_BIP = (
            layer(maps).flatten(2) for layer in (self.theta, self.phi, self.g)
        )
        seen_BPP = (theta_BIP.transpose(1, 2) @ phi_BIP).softmax(dim=2)
        mixed_BIP = g_BIP @ seen_BPP.transpose(1, 2)
        mixed = self.back(mixed_BIP.unflatten(2, maps.shape[2:]))
        weights_BP = self.weigh(maps.flatten(1)).softmax(dim=1)
        return maps + weights_BP.unflatten(1, (1, *maps.shape[2:])) * mixed


class AttendedFeatures(nn.Module):
    """A backbone with attention, and a linear layer on its pooled features.

    Args:
        backbone: makes the feature map.
        places: of the map.
    """

    def __init__(self, backbone: CifarResNet | ImagenetResNet, places: int) -> None:
        super().__init__()
        self.feature_dim = backbone.feature_dim
        self.backbone = backbone
        self.attention = ModulatedAttention(self.feature_dim, places)
        self.last = nn.Linear(self.feature_dim, self.feature_dim)

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] to features [B, D] that are not negative."""
        maps = self.attention(self.backbone.maps(images))
        return F.relu(self.last(maps.mean(dim=(2, 3))))


class MemoryClassifier(nn.Module):
    """Scores of features that are enriched by a memory of the classes, by their cosines.

    Attributes:
        memory: a point [C, D] for each class. The scores' gradient does not reach it.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.recall = nn.Linear(features, classes)
        self.select = nn.Linear(features, features)
        self.memory = nn.Parameter(torch.zeros(classes, features))
        bound = 1 / math.sqrt(features)
        self.weight = nn.Parameter(torch.empty(classes, features).uniform_(-bound, bound))

    def forward(self, features: Tensor) -> Tensor:
        """Map features [B, D] to scores [B, C]."""
        enriched = self.enriched(features)
        length = enriched.norm(dim=1, keepdim=True)
        directions = F.normalize(self.weight, dim=1)
        return SCALE * F.linear(enriched / (1 + length), directions)

    def enriched(self, features: Tensor) -> Tensor:
        """Return gamma (x + e * v) [B, D] of features x: v is the memory's, e what is taken of it.

        gamma falls with the distance to the nearest class of the memory.
        """
        memory_CD = self.memory.detach()
        recalled = self.recall(features).softmax(dim=1) @ memory_CD
        chosen = torch.tanh(self.select(features))
        return REACH / self._distance(features).clamp(min=LEAST) * (features + chosen * recalled)

    def _distance(self, features: Tensor) -> Tensor:
        """Return distances [B, 1] to the nearest class, of differences: a product cancels."""
        memory_CD = self.memory.detach()
        with torch.no_grad():
            nearest_B = torch.cdist(features, memory_CD).argmin(dim=1)
        return (features - memory_CD.index_select(0, nearest_B)).norm(dim=1, keepdim=True)
