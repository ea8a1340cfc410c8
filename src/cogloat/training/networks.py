"""The networks of a configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from cogloat.config.schema import RunConfig
from cogloat.models.heads import ProjectionHead, make_classifier
from cogloat.models.normalisation import SplitBatchNorm
from cogloat.models.resnet import CifarResNet


class Encoder(nn.Module):
    """Backbone and projection head: images [B, 3, H, W] to unit embeddings [B, D]."""

    def __init__(self, depth: int, projection: tuple[int, int], batch_norm_splits: int) -> None:
        super().__init__()
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d
        if batch_norm_splits > 1:
            norm = functools.partial(SplitBatchNorm, splits=batch_norm_splits)
        self.backbone = CifarResNet(depth, norm=norm)
        self.projection = ProjectionHead(self.backbone.feature_dim, *projection)

    def forward(self, images: Tensor) -> Tensor:
        """Return unit embeddings."""
        return self.projection(self.backbone(images))


class Classifier(nn.Module):
    """Backbone and classifier: images [B, 3, H, W] to class scores [B, C]."""

    def __init__(self, depth: int, classes: int, kind: Literal["linear", "cosine"]) -> None:
        super().__init__()
        self.backbone = CifarResNet(depth)
        self.head = make_classifier(kind, self.backbone.feature_dim, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores."""
        return self.head(self.backbone(images))


def build_classifier(config: RunConfig) -> Classifier:
    """Return the classifier of a finetune or train stage, not yet trained."""
    assert config.classify is not None
    return Classifier(config.depth, config.data.classes, config.classify.loss.classifier)


def to_device(module: nn.Module, device: torch.device) -> None:
    """Move a network, in the memory format its convolutions are fastest in."""
    module.to(device).to(memory_format=torch.channels_last)
