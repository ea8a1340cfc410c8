"""Colour jitter and grayscale of a batch, each image with parameters and an order of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cogloat.config.augmentation import ColorJitter
from cogloat.data.augmentation.geometry import draw_uniform
from cogloat.randomness import sent

LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601, as torchvision rounds it
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


@dataclass(frozen=True)
class Jitter:
    """Parameters of a colour jitter.

    Attributes:
        mask_B: the images it applies to.
        factors_B4: of brightness, contrast, saturation and hue.
        order_B4: which of the four comes first, second, third and fourth.
    """

    mask_B: Tensor
    factors_B4: Tensor
    order_B4: Tensor


def draw_jitter(batch: int, operation: ColorJitter, generator: torch.Generator) -> Jitter:
    """Draw factors and an order for each image, by torchvision's law."""
    mask_B = draw_uniform((batch,), 0, 1, generator) < operation.p
    factors = [
        draw_uniform((batch,), max(0.0, 1 - reach), 1 + reach, generator)
        for reach in (operation.brightness, operation.contrast, operation.saturation)
    ]
    factors.append(draw_uniform((batch,), -operation.hue, operation.hue, generator))
    order_B4 = draw_uniform((batch, len(factors)), 0, 1, generator).argsort(dim=1)
    return Jitter(mask_B, torch.stack(factors, dim=1), order_B4)


def jitter(images: Tensor, parameters: Jitter) -> Tensor:
    """Apply the four operations, each image in its own order.

    Images are sorted by how many operations come before their hue. So those that have a first,
    second or third one before it lie side by side, and those that have it after, too.

    Args:
        images: float [B, 3, H, W] in 0..1.
        parameters: of each, on the host.
    """
    before_B = (parameters.order_B4 == HUE).int().argmax(dim=1)
    before_B = torch.where(parameters.mask_B, before_B, -1)
    sorted_B = before_B.argsort(descending=True, stable=True)
    more_than = [int((before_B > count).sum()) for count in range(-1, HUE)]
    jittered = slice(0, more_than[0])

    factors_B4 = parameters.factors_B4[sorted_B]
    order_B4 = parameters.order_B4[sorted_B]
    kinds_B3 = order_B4[order_B4 != HUE].view(-1, HUE)  # without the hue

    out = images.index_select(0, sent(sorted_B, images.device))
    for turn, count in enumerate(more_than[1:]):
        some = slice(0, count)
        _blend(out[some], kinds_B3[some, turn], factors_B4[some])
    _turn_hue(out[jittered], factors_B4[jittered, HUE])
    for turn, count in enumerate(more_than[1:]):
        some = slice(count, jittered.stop)
        _blend(out[some], kinds_B3[some, turn], factors_B4[some])
    return out.index_select(0, sent(sorted_B.argsort(), images.device))


def _blend(images: Tensor, kinds_B: Tensor, factors_B4: Tensor) -> None:
    """Scale the distance from a poorer image, in place.

    That is black for brightness, the image's mean grey for contrast, each pixel's grey for
    saturation.
    """
    if len(images) == 0:
        return
    factor_B = factors_B4.gather(1, kinds_B[:, None])[:, 0]
    rest_B = 1 - factor_B
    rests = [rest_B * (kinds_B == kind) for kind in (CONTRAST, SATURATION)]
    shares = torch.stack([factor_B, *rests])[:, :, None, None, None]
    own, of_mean, of_grey = sent(shares, images.device)
    grey_B1HW = grey(images)
    poorer = torch.addcmul(grey_B1HW.mean(dim=(2, 3), keepdim=True) * of_mean, grey_B1HW, of_grey)
    torch.addcmul(poorer.expand_as(images), images, own, out=images).clamp_(0, 1)


def _turn_hue(images: Tensor, shift_B: Tensor) -> None:
    """Turn the hue by a share of the colour circle, in place; value and saturation stay."""
    red, green, blue = images.unbind(dim=1)
    value, darkest = images.amax(dim=1), images.amin(dim=1)
    chroma = value - darkest
    # 1 where red is the largest, where green is and red is not, and where blue alone is
    by_red = torch.eq(value, red, out=torch.empty_like(value))
    by_green = torch.eq(value, green, out=torch.empty_like(value)).mul_(1 - by_red)
    by_blue = 1 - by_red - by_green
    # the angle in sixths of the circle; a grey pixel has none, and 0 will do
    angle = (green - blue).mul_(by_red)
    angle.addcmul_(blue - red, by_green).addcmul_(red - green, by_blue)
    angle.div_(chroma.clamp(min=torch.finfo(chroma.dtype).tiny))
    angle.add_(by_green, alpha=2).add_(by_blue, alpha=4)
    angle.add_(sent(6 * shift_B[:, None, None], images.device))
    angle.sub_((angle / 6).floor_().mul_(6))
    far_from = ((angle - opposite).abs_().sub_(1).clamp_(0, 1) for opposite in (3, 2, 4))
    for channel, share in zip((red, green, blue), far_from, strict=True):
        if channel is red:
            torch.addcmul(darkest, chroma, share, out=channel)
        else:
            torch.addcmul(value, chroma, share, value=-1, out=channel)


def grayscale(images: Tensor, mask_B: Tensor) -> Tensor:
    """Replace the images of the mask by their grey."""
    chosen_G = sent(mask_B.nonzero()[:, 0], images.device)
    chosen = images.index_select(0, chosen_G)
    return images.index_copy(0, chosen_G, grey(chosen).expand_as(chosen))


def grey(images: Tensor) -> Tensor:
    """Return the luma [B, 1, H, W]."""
    red, green, blue = images.unbind(dim=1)
    of_red, of_green, of_blue = LUMA
    return (red * of_red).add_(green, alpha=of_green).add_(blue, alpha=of_blue)[:, None]
