"""Whole networks: a backbone with what stands on it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from cogloat.config.types import HeadName, InitName
from cogloat.models.heads import ProjectionHead, make_classifier
from cogloat.models.normalisation import BatchNorm, SplitBatchNorm
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

    def __init__(
        self,
        depth: int,
        classes: int,
        head: HeadName,
        init: InitName = "kaiming",
        head_init: InitName = "kaiming",
    ) -> None:
        super().__init__()
        self.backbone = CifarResNet(depth, init=init)
        self.head = make_classifier(head, self.backbone.feature_dim, classes, head_init)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores."""
        return self.head(self.backbone(images))


def build_encoder(
    depth: int, projection: tuple[int, int], batch_norm_splits: int, init: InitName = "kaiming"
) -> Encoder:
    """Return an encoder whose head has no batch norm, not yet trained.

    The head begins as PyTorch's layers do, the backbone as `init` says.
    """
    norm: Callable[[int], nn.Module] = BatchNorm
    if batch_norm_splits > 1:
        norm = functools.partial(SplitBatchNorm, splits=batch_norm_splits)
    backbone = CifarResNet(depth, norm=norm, init=init)
    head = ProjectionHead(backbone.feature_dim, *projection, batch_norm=False)
    return Encoder(backbone, head)


def to_device(module: nn.Module, device: torch.device) -> None:
    """Move a network, in the memory format its convolutions are fastest in."""
    module.to(device).to(memory_format=torch.channels_last)
