"""Batch normalisation: of a whole batch, of several groups as on several devices, and folded."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights


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
        out: Tensor = _PartByPart.apply(
            x, self.weight, self.bias, self.running_mean, self.running_var, self._shares, self.eps
        )
        return out

    @property
    def _shares(self) -> list[float]:
        """How far each part, in its turn, moves the running statistics.

        Together they move them by the momentum, towards the mean of the parts.
        """
        own = (self.momentum or 0.0) / self.splits
        return [own / (1 - own * left) for left in reversed(range(self.splits))]


class _PartByPart(torch.autograd.Function):
    """The parts' batch norm, written where it belongs: no part is copied."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        shares: list[float],
        eps: float,
    ) -> Tensor:
        """Return the output; each part moves the running statistics by its share."""
        splits = len(shares)
        out = torch.empty_like(x)
        mean_SC = weight.new_empty(splits, len(weight))
        rstd_SC = torch.empty_like(mean_SC)
        parts = zip(shares, x.chunk(splits), out.chunk(splits), mean_SC, rstd_SC, strict=True)
        for share, part, *written in parts:
            torch.native_batch_norm(
                part, weight, bias, running_mean, running_var, True, share, eps, out=written
            )
        ctx.save_for_backward(x, weight, mean_SC, rstd_SC)
        ctx.eps = eps
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
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
        of_both = torch.stack([*of_weight, *of_bias]).unflatten(0, (2, splits)).sum(dim=1)
        return torch.cat(of_x), *of_both, None, None, None, None


def folded(network: nn.Module) -> nn.Module:
    """Return a network for evaluation whose batch norms are in the weights before them.

    Args:
        network: in evaluation mode; each of its batch norms comes right after a convolution.

    Returns:
        A copy without gradients of its weights, or the network itself if it has no batch norm.
    """
    if not any(isinstance(part, BatchNorm) for part in network.modules()):
        return network
    # modules are copied, and what they hold is shared
    held = {id(own): nn.Parameter(own.detach(), False) for own in network.parameters()}
    plain = copy.deepcopy(network, {id(own): own for own in network.buffers()} | held)
    for part in plain.modules():
        children = list(part.named_children())
        for (_, conv), (after, norm) in pairwise(children):
            if isinstance(norm, BatchNorm):
                assert isinstance(conv, nn.Conv2d)
                assert norm.running_mean is not None
                assert norm.running_var is not None
                conv.weight, conv.bias = fuse_conv_bn_weights(
                    *(conv.weight, conv.bias, norm.running_mean, norm.running_var),
                    *(norm.eps, norm.weight, norm.bias),
                )
                setattr(part, after, nn.Identity())
    return plain
