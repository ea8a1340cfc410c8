"""The networks of a configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from cogloat.config.schema import RunConfig, Supervised
from cogloat.models.heads import ProjectionHead, make_classifier
from cogloat.models.kinds import ClassifierKind, classifier_kind
from cogloat.models.normalisation import SplitBatchNorm
from cogloat.models.resnet import CifarResNet


class Encoder(nn.Module):
    """Backbone and projection head: images [B, 3, H, W] to unit embeddings [B, D]."""

    def __init__(self, backbone: CifarResNet, projection: ProjectionHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = projection

    def forward(self, images: Tensor) -> Tensor:
        """Return unit embeddings."""
        return self.projection(self.backbone(images))


class Classifier(nn.Module):
    """Backbone and classifier: images [B, 3, H, W] to class scores [B, C]."""

    def __init__(self, depth: int, classes: int, kind: ClassifierKind) -> None:
        super().__init__()
        self.backbone = CifarResNet(depth)
        self.head = make_classifier(kind, self.backbone.feature_dim, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores."""
        return self.head(self.backbone(images))


def build_encoder(depth: int, projection: tuple[int, int], batch_norm_splits: int) -> Encoder:
    """Return an encoder whose head has no batch norm, not yet trained."""
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d
    if batch_norm_splits > 1:
        norm = functools.partial(SplitBatchNorm, splits=batch_norm_splits)
    backbone = CifarResNet(depth, norm=norm)
    head = ProjectionHead(backbone.feature_dim, *projection, batch_norm=False)
    return Encoder(backbone, head)


def build_classifier(config: RunConfig) -> Classifier:
    """Return the classifier of a finetune or train stage, not yet trained."""
    assert isinstance(config.settings, Supervised)
    return Classifier(config.depth, config.data.classes, classifier_kind(config.settings))


def to_device(module: nn.Module, device: torch.device) -> None:
    """Move a network, in the memory format its convolutions are fastest in."""
    module.to(device).to(memory_format=torch.channels_last)
