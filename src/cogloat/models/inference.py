"""A network's outputs over a whole set, without augmentation or gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat.config.dataset import Data
from cogloat.data.augmentation import evaluation_transform
from cogloat.data.frames import Images
from cogloat.data.imageset import ImageSet
from cogloat.errors import needing_memory

BATCH = 500


@torch.no_grad()
def outputs(
    network: nn.Module, images: ImageSet, data: Data, positions_N: Tensor | None = None
) -> Tensor:
    """Return the network's outputs [N, ...] as float32; the network is put in evaluation mode.

    Args:
        network: on the images' device.
        images: a set.
        data: says how they are normalised.
        positions_N: of the images to pass through the network; by default all of the set.
    """
    if positions_N is None:
        positions_N = torch.arange(len(images))
    with needing_memory(f"passing {len(positions_N)} images through a network, {BATCH} at a time"):
        return torch.cat(
            [
                batch_outputs(network, images.batch(positions_B), data)
                for positions_B in positions_N.split(BATCH)
            ]
        )


@torch.no_grad()
def class_means(features_ND: Tensor, labels_N: Tensor, classes: int) -> Tensor:
    """Return the mean [C, D] of each class's rows; every class has one."""
    members_NC = F.one_hot(labels_N, classes).to(features_ND)
    return members_NC.T @ features_ND / members_NC.sum(dim=0)[:, None]


@torch.no_grad()
def batch_outputs(network: nn.Module, images: Images, data: Data) -> Tensor:
    """Return the outputs [B, ...] of images on the network's device, as `outputs` does."""
    network.eval()
    return network(evaluation_transform(images, data.mean, data.std, data.image_size)).float()
