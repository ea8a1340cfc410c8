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
        running = self.running_mean, self.running_var
        how = self.splits, self._first_alone, self.momentum or 0.0, self.eps
        out: Tensor = _SideBySide.apply(images, self.weight, self.bias, *running, *how)
        return out.view_as(x)

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


class _SideBySide(torch.autograd.Function):
    """The batch norm of parts that lie side by side, in one operation each way.

    Images and gradients are turned explicitly: left to autograd, a gradient comes in a memory
    format that batch norm takes twice as long with.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        splits: int,
        first_alone: bool,
        momentum: float,
        eps: float,
    ) -> Tensor:
        """Return the output; the running statistics move as far as those of the parts do."""
        wide = _as_features(x, splits)
        # a copy for each part, which moves running statistics of its own from the same start
        held = torch.stack((weight, bias, running_mean, running_var)).repeat(1, splits)
        weight, bias, mean, var = held
        out, *statistics = torch.native_batch_norm(
            wide, weight, bias, mean, var, True, momentum, eps
        )
        moved = held[2:].unflatten(1, (splits, -1))
        now = moved[:, 0] if first_alone else moved.mean(dim=1)
        torch._foreach_copy_([running_mean, running_var], list(now))
        ctx.save_for_backward(wide, weight, *statistics)
        ctx.splits, ctx.eps = splits, eps
        return _as_images(out, splits)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the images, the weight and the bias."""
        wide, weight, mean, rstd = ctx.saved_tensors
        of_wide, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            *(_as_features(gradient, ctx.splits), wide, weight, None, None),
            *(mean, rstd, True, ctx.eps, [True] * 3),
        )
        of_both = torch.stack((of_weight, of_bias)).unflatten(1, (ctx.splits, -1)).sum(dim=1)
        return _as_images(of_wide, ctx.splits), *of_both, *[None] * 6


def _as_features(x: Tensor, splits: int) -> Tensor:
    """Put the parts of a batch [S*b, C, H, W] side by side: [b, S*C, H, W], channels last."""
    images_NHWC = x.permute(0, 2, 3, 1)
    words_SbHWC = _read_as(_word(x.shape[1], x.dtype), images_NHWC).unflatten(0, (splits, -1))
    wide_bHWC = words_SbHWC.permute(1, 2, 3, 0, 4).flatten(3)
    return _read_as(x.dtype, wide_bHWC).permute(0, 3, 1, 2)


def _as_images(x: Tensor, splits: int) -> Tensor:
    """Put them one after another again."""
    shape = len(x) * splits, x.shape[1] // splits, *x.shape[2:]
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    word = _word(shape[1], x.dtype)
    words_SbHWC = _read_as(word, out.permute(0, 2, 3, 1)).unflatten(0, (splits, -1))
    words_bHWC = _read_as(word, x.permute(0, 2, 3, 1))
    words_SbHWC.copy_(words_bHWC.unflatten(3, (splits, -1)).permute(3, 0, 1, 2, 4))
    return out


def _word(channels: int, dtype: torch.dtype) -> torch.dtype:
    """Return what a place's channels are copied as: eight bytes at a time, if they hold such."""
    return dtype if channels * dtype.itemsize % torch.int64.itemsize else torch.int64


def _read_as(dtype: torch.dtype, rows: Tensor) -> Tensor:
    """Return the same bytes [..., C] as other numbers."""
    return rows.contiguous().view(-1).view(dtype).view(*rows.shape[:-1], -1)


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
