"""Batch normalisation: of a whole batch, of several groups as on several devices, and folded."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from cogloat.ranks import ALONE, Ranks

Norm = Callable[[int], nn.Module]


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
    """Batch norm whose training statistics are those of parts of the batch, as on several devices.

    The parts follow each other and are as equal as they can be. The running statistics move towards
    the mean of the parts', or towards the first part's, as on the device that DataParallel keeps.

    Attributes:
        splits: parts of what it is given, which is a rank's part of the batch.
        share: of this rank's running statistics in those of all ranks.
    """

    def __init__(
        self, features: int, splits: int, share: float = 1.0, *, first_alone: bool = False
    ) -> None:
        super().__init__(features)
        self.splits, self.share = splits, share
        self._first_alone = first_alone

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, features] or [B, features, H, W].

        Raises:
            ValueError: in training, if a part has a single number of a feature.
        """
        if not self.training:
            return super().forward(x)
        if len(x) // self.splits * x[0, 0].numel() < 2:
            raise ValueError(f"a batch of {len(x)} has a single number in a part of {self.splits}")
        # a GPU waits for the host if it is given part by part; a processor does not gain by copies
        together = x.device.type != "cpu" and len(x) % self.splits == 0
        how = self._statistics_together if together else self._statistics_in_turn
        return how(x)

    def _statistics_in_turn(self, x: Tensor) -> Tensor:
        running = self.running_mean, self.running_var
        out: Tensor = _PartByPart.apply(x, self.weight, self.bias, *running, self._shares, self.eps)
        return out

    def _statistics_together(self, x: Tensor) -> Tensor:
        """Do the same in one operation for all parts, which are equal: features of a small batch.

        Every part moves running statistics of its own, from the same start.
        """
        images = x if x.dim() == 4 else x[:, :, None, None]
        assert self.running_mean is not None
        assert self.running_var is not None
        running = [self.running_mean, self.running_var]
        moved = torch.stack(running).repeat(1, self.splits)
        weight, bias = torch.stack((self.weight, self.bias)).repeat(1, self.splits).unbind()
        side_by_side = F.batch_norm(
            _as_features(images, self.splits),
            moved[0],
            moved[1],
            weight,
            bias,
            training=True,
            momentum=self.momentum or 0.0,
            eps=self.eps,
        )
        parts = moved.unflatten(1, (self.splits, -1))
        now = parts[:, 0] if self._first_alone else parts.mean(dim=1)
        torch._foreach_copy_(running, list(now))
        return _as_images(side_by_side, self.splits).view_as(x)

    @property
    def _shares(self) -> list[float]:
        """How far each part, in its turn, moves the running statistics.

        Together they move them by the momentum, towards the mean of the parts.
        """
        momentum = self.momentum or 0.0
        if self._first_alone:
            return [momentum, *[0.0] * (self.splits - 1)]
        own = momentum / self.splits
        return [own / (1 - own * left) for left in reversed(range(self.splits))]


def grouped(groups: int, ranks: Ranks = ALONE, *, first_alone: bool = False) -> Norm:
    """Return what makes the batch norms of a network whose batch has some groups.

    Args:
        groups: of the whole batch; a multiple of the ranks, who share them.
        ranks: of which this is one.
        first_alone: whether the running statistics are those of the first group, not the mean.
    """
    if groups == 1:
        return BatchNorm
    share = float(ranks.is_first) if first_alone else 1 / ranks.size
    return functools.partial(
        SplitBatchNorm, splits=groups // ranks.size, share=share, first_alone=first_alone
    )


def shares_of_statistics(network: nn.Module) -> Iterator[Tensor]:
    """Yield the running statistics of split batch norms in training, as a rank's shares.

    The sum over the ranks is what one process would have; no rank may go on without it.
    """
    for part in network.modules():
        if isinstance(part, SplitBatchNorm) and part.training:
            for statistic in (part.running_mean, part.running_var):
                assert statistic is not None
                yield statistic.mul_(part.share)


def _as_features(x: Tensor, splits: int) -> Tensor:
    """Put the parts of a batch [S*b, C, H, W] side by side: [b, S*C, H, W], channels last."""
    return x.unflatten(0, (splits, -1)).permute(1, 3, 4, 0, 2).flatten(3).permute(0, 3, 1, 2)


def _as_images(x: Tensor, splits: int) -> Tensor:
    """Put them one after another again."""
    return x.unflatten(1, (splits, -1)).permute(1, 0, 3, 4, 2).flatten(0, 1).permute(0, 3, 1, 2)


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
        cut = x.tensor_split(splits), out.tensor_split(splits)
        parts = zip(shares, *cut, mean_SC, rstd_SC, strict=True)
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
        cut = gradient.tensor_split(splits), x.tensor_split(splits)
        parts = zip(*cut, mean_SC, rstd_SC, strict=True)
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
