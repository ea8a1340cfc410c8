"""The CIFAR ResNets (He et al. 2016, section 4.2) in the form the long-tail literature trains."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.config.types import InitName
from cogloat.models.normalisation import BatchNorm, Norm


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.stride = stride
        self.padding = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, inputs, H, W] to [B, outputs, H/stride, W/stride]."""
        out = F.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return F.relu(out + self._shortcut(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride == 1 and self.padding == 0:
            return x
        half = self.padding // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half))


class CifarResNet(nn.Module):
    """A fully convolutional backbone; ResNet-32 has 463,504 parameters.

    Args:
        depth: layers, 6n+2.
        widths: channels of the three stages.
        norm: makes a normalisation layer for a number of channels.
        init: how the convolutions' weights begin: Kaiming-normal, or as PyTorch's layers do.

    Raises:
        ValueError: if the depth is not 6n+2.
    """

    def __init__(
        self,
        depth: int = 32,
        widths: tuple[int, int, int] = (16, 32, 64),
        norm: Norm = BatchNorm,
        init: InitName = "kaiming",
    ) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth must be 6n+2 (8, 14, 20, 26, 32, ...), not {depth}")
        self.feature_dim = widths[-1]
        self.conv = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.norm = norm(widths[0])
        blocks: list[nn.Module] = []
        inputs = widths[0]
        for stage, outputs in enumerate(widths):
            for block in range((depth - 2) // 6):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(BasicBlock(inputs, outputs, stride, norm))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        if init == "kaiming":
            self.apply(_kaiming)

    def maps(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] to features of places [B, feature_dim, H/4, W/4]."""
        return self.blocks(F.relu(self.norm(self.conv(images))))

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] to features [B, feature_dim]."""
        return self.maps(images).mean(dim=(2, 3))


def _kaiming(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
