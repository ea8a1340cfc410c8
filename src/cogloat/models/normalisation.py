"""Batch normalisation: of a whole batch, of several groups as on several devices, and folded."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that does not count its batches: only an average over all of them reads that."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, features, H, W]."""
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum or 0.0,
            self.eps,
        )


class SplitBatchNorm(BatchNorm):
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
        if len(x) % self.splits:
            raise ValueError(f"a batch of {len(x)} cannot be split in {self.splits} equal parts")
        out, mean_SC, rstd_SC = _PartByPart.apply(x, self.weight, self.bias, self.splits, self.eps)
        self._follow(mean_SC, rstd_SC, x[:, 0].numel() // self.splits)
        return out

    @torch.no_grad()
    def _follow(self, mean_SC: Tensor, rstd_SC: Tensor, values: int) -> None:
        """Move the running statistics; the variance is the unbiased one of so many values."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        var_SC = (rstd_SC.pow(-2) - self.eps) * (values / (values - 1))
        self.running_mean.lerp_(mean_SC.mean(dim=0), self.momentum)
        self.running_var.lerp_(var_SC.mean(dim=0), self.momentum)


class _PartByPart(torch.autograd.Function):
    """The parts' batch norm, written where it belongs: no part is copied."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, splits: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the output, and each part's mean and inverse standard deviation [S, C]."""
        out = torch.empty_like(x)
        mean_SC = weight.new_empty(splits, len(weight))
        rstd_SC = torch.empty_like(mean_SC)
        for part in zip(x.chunk(splits), out.chunk(splits), mean_SC, rstd_SC, strict=True):
            torch.native_batch_norm(part[0], weight, bias, None, None, True, 0.0, eps, out=part[1:])
        ctx.save_for_backward(x, weight, mean_SC, rstd_SC)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean_SC, rstd_SC)
        return out, mean_SC, rstd_SC

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the images, the weight and the bias."""
        x, weight, mean_SC, rstd_SC = ctx.saved_tensors
        splits = len(mean_SC)
        parts = zip(gradient.chunk(splits), x.chunk(splits), mean_SC, rstd_SC, strict=True)
        of_x, of_weight, of_bias = zip(
            *(
                torch.ops.aten.native_batch_norm_backward(
                    part, own, weight, None, None, mean, rstd, True, ctx.eps, [True] * 3
                )
                for part, own, mean, rstd in parts
            ),
            strict=True,
        )
        of_all = (torch.stack(own).sum(dim=0) for own in (of_weight, of_bias))
        return torch.cat(of_x), *of_all, None, None


def folded(network: nn.Module) -> nn.Module:
    """Return a network for evaluation whose batch norms are in the weights before them.

    Args:
        network: in evaluation mode; each of its batch norms comes right after a convolution.

    Returns:
        A copy without gradients of its weights, or the network itself if it has no batch norm.
    """
    if not any(isinstance(part, BatchNorm) for part in network.modules()):
        return network
    plain = copy.deepcopy(network).requires_grad_(False)
    for part in plain.modules():
        children = list(part.named_children())
        for (name, conv), (after, norm) in pairwise(children):
            if isinstance(norm, BatchNorm):
                assert isinstance(conv, nn.Conv2d)
                setattr(part, name, fuse_conv_bn_eval(conv, norm))
                setattr(part, after, nn.Identity())
    return plain
