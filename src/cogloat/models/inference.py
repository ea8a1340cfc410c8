"""A network's outputs over a whole set, without augmentation or gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cogloat.config.dataset import Data
from cogloat.data.augmentation import evaluation_transform
from cogloat.data.imageset import ImageSet

BATCH = 500


@torch.no_grad()
def outputs(network: nn.Module, images: ImageSet, data: Data) -> Tensor:
    """Return the network's outputs [N, ...] as float32; the network is put in evaluation mode."""
    network.eval()
    device = images.labels_N.device
    return torch.cat(
        [
            network(evaluation_transform(images.batch(positions), data.mean, data.std)).float()
            for positions in torch.arange(len(images), device=device).split(BATCH)
        ]
    )
