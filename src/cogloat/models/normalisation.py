"""Batch normalisation with statistics of several groups, as on several devices."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SplitBatchNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics are those of `splits` equal parts of the batch.

    On one device it stands for MoCo's several devices (its CIFAR demo uses 8 parts); the running
    statistics move towards the mean of the parts'.
    """

    def __init__(self, features: int, splits: int) -> None:
        super().__init__(features)
        self.splits = splits

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, features, H, W].

        Raises:
            ValueError: in training, if B is not a multiple of `splits`.
        """
        if not self.training:
            return super().forward(x)
        batch, features = x.shape[:2]
        if batch % self.splits:
            raise ValueError(f"a batch of {batch} cannot be split in {self.splits} equal parts")
        assert self.running_mean is not None
        assert self.running_var is not None
        mean, var = self.running_mean.repeat(self.splits), self.running_var.repeat(self.splits)
        grouped = x.unflatten(0, (self.splits, -1)).transpose(0, 1).flatten(1, 2)
        out = F.batch_norm(
            grouped,
            mean,
            var,
            self.weight.repeat(self.splits),
            self.bias.repeat(self.splits),
            training=True,
            momentum=self.momentum or 0.0,
            eps=self.eps,
        )
        with torch.no_grad():
            self.running_mean.copy_(mean.view(self.splits, features).mean(dim=0))
            self.running_var.copy_(var.view(self.splits, features).mean(dim=0))
        return out.unflatten(1, (self.splits, features)).transpose(0, 1).reshape(x.shape)
