"""Whole networks: a backbone with what stands on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cogloat.config.backbone import Backbone, ImagenetBackbone
from cogloat.config.types import HeadName, InitName
from cogloat.models.heads import ProjectionHead, make_classifier
from cogloat.models.memory import AttendedFeatures
from cogloat.models.normalisation import BatchNorm, Norm
from cogloat.models.resnet import CifarResNet

if TYPE_CHECKING:
    from cogloat.models.imagenet import ImagenetResNet

    Features = CifarResNet | ImagenetResNet


class Encoder(nn.Module):
    """Backbone and projection head: images [B, 3, H, W] to unit embeddings [B, D]."""

    def __init__(self, backbone: Features | AttendedFeatures, projection: ProjectionHead) -> None:
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
        backbone: Backbone,
        classes: int,
        head: HeadName,
        init: InitName = "kaiming",
        head_init: InitName = "kaiming",
        norm: Norm = BatchNorm,
        image_size: int = 0,
    ) -> None:
        """Build a network that is not yet trained.

        Args:
            backbone: which.
            classes: of the scores.
            head: kind of the classifier. One with a memory has attention before it.
            init: how the backbone's weights begin.
            head_init: how a linear classifier's do.
            norm: makes the backbone's normalisation layers.
            image_size: pixels, for attention, which is of a map of one size.
        """
        super().__init__()
        self.backbone: Features | AttendedFeatures = make_backbone(backbone, norm, init)
        if head == "memory":
            self.backbone = AttendedFeatures(self.backbone, backbone.side(image_size) ** 2)
        self.head = make_classifier(head, self.backbone.feature_dim, classes, head_init)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores."""
        return self.head(self.backbone(images))


def build_encoder(
    backbone: Backbone,
    projection: tuple[int, int],
    norm: Norm = BatchNorm,
    init: InitName = "kaiming",
) -> Encoder:
    """Return an encoder whose head has no batch norm, not yet trained.

    The head begins as PyTorch's layers do, the backbone as `init` says.
    """
    made = make_backbone(backbone, norm, init)
    return Encoder(made, ProjectionHead(made.feature_dim, *projection))


def make_backbone(
    backbone: Backbone, norm: Norm = BatchNorm, init: InitName = "kaiming"
) -> Features:
    """Return a backbone that is not yet trained.

    Args:
        backbone: which.
        norm: makes a normalisation layer for a number of channels.
        init: how the convolutions' weights begin: Kaiming-normal, or as PyTorch's layers do.
    """
    if isinstance(backbone, ImagenetBackbone):
        from cogloat.models.imagenet import ImagenetResNet

        return ImagenetResNet(backbone, norm, init)
    return CifarResNet(backbone.depth, norm=norm, init=init)


def learn_at(factor: float, weights: Iterable[nn.Parameter]) -> None:
    """Have weights learn at a multiple of the rate that all others have."""
    for weight in weights:
        weight.rate_factor = factor  # type: ignore[attr-defined]


def to_device(module: nn.Module, device: torch.device) -> None:
    """Move a network, in the memory format its convolutions are fastest in."""
    module.to(device).to(memory_format=torch.channels_last)
