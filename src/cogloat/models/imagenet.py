"""ResNets for photographs (He et al. 2016, section 4.1): torchvision's, with any normalisation.

The import of torchvision's models takes as long as torch's, so only what builds one imports this.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from cogloat.config.backbone import ImagenetBackbone
from cogloat.config.types import InitName
from cogloat.models.normalisation import BatchNorm, Norm


class ImagenetResNet(ResNet):
    """A fully convolutional backbone; ResNet-50 has 23,508,032 parameters.

    The stride of a bottleneck is in its 3x3 convolution ("v1.5"), as in every recipe for
    ImageNet-LT. Convolutions begin Kaiming-normal by what they put out, or as PyTorch's layers do.

    Args:
        backbone: says how many layers there are.
        norm: makes a normalisation layer for a number of channels.
        init: how the convolutions' weights begin.
    """

    def __init__(
        self, backbone: ImagenetBackbone, norm: Norm = BatchNorm, init: InitName = "kaiming"
    ) -> None:
        block = BasicBlock if backbone.depth == 10 else Bottleneck
        super().__init__(block, list(backbone.blocks), norm_layer=norm)
        self.feature_dim = backbone.features
        self.fc = nn.Identity()
        if init == "torch":
            self.apply(_as_pytorch)

    def maps(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] to features of places [B, feature_dim, H/32, W/32]."""
        out = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            out = stage(out)
        return out

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] to features [B, feature_dim]."""
        return self.maps(images).mean(dim=(2, 3))


def _as_pytorch(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        module.reset_parameters()
