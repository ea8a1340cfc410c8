"""Each operation against torchvision's for equal parameters, and its law against torchvision's."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from cogloat.config.augmentation import (
    Affine,
    Blur,
    ColorJitter,
    Flip,
    Grayscale,
    PaddedCrop,
    RandomResizedCrop,
)
from cogloat.data.augmentation import Augmentation, blur, colour, evaluation_transform, geometry

DRAWS = 4000
P_VALUE = 1e-3


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(12, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def square(batch: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return heights and widths."""
    return torch.full((batch,), side), torch.full((batch,), side)


def test_resized_crop_is_torchvisions(images):
    boxes = geometry.draw_resized_crops(*square(12, 32), (0.2, 1), (3 / 4, 4 / 3), seeded())
    out = geometry.resized_crop(images, boxes)
    for i, (top, left, h, w) in enumerate(
        zip(boxes.top, boxes.left, boxes.height, boxes.width, strict=True)
    ):
        box = [int(x) for x in (top, left, h, w)]
        expected = tv.resized_crop(images[i], *box, [32, 32], antialias=True)
        torch.testing.assert_close(out[i], expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [(0.08, 1.0), (0.2, 1.0), (0.9, 1.0)])
def test_resized_crop_has_torchvisions_law(scale):
    torch.manual_seed(0)
    ratio = (3 / 4, 4 / 3)
    transform = v2.RandomResizedCrop(32, scale=scale, ratio=ratio)
    image = torch.zeros(3, 32, 32)
    drawn = [transform.make_params([image]) for _ in range(DRAWS)]
    boxes = geometry.draw_resized_crops(*square(DRAWS, 32), scale, ratio, seeded(1))
    for name in ("top", "left", "height", "width"):
        theirs = [params[name] for params in drawn]
        assert ks_2samp(getattr(boxes, name).numpy(), theirs).pvalue > P_VALUE, name


def test_padded_crop_is_torchvisions_and_covers_every_corner(images):
    corners = geometry.draw_padded_crops(12, 4, seeded())
    out = geometry.padded_crop(images, corners, 4)
    for i, (top, left) in enumerate(corners.T.tolist()):
        expected = tv.crop(tv.pad(images[i], [4]), top, left, 32, 32)
        assert torch.equal(out[i], expected)
    many = geometry.draw_padded_crops(10_000, 4, seeded())
    counts = torch.bincount(many[0] * 9 + many[1], minlength=81)
    assert counts.min() > 70  # 123 expected
    assert len(counts) == 81


def test_a_crop_and_the_flip_after_it_are_one(images):
    """To the bit; of bytes as of floats."""
    mask = torch.arange(12) % 3 == 0
    boxes = geometry.draw_resized_crops(*square(12, 32), (0.2, 1), (3 / 4, 4 / 3), seeded())
    corners = geometry.draw_padded_crops(12, 4, seeded())
    expected = geometry.flip(geometry.resized_crop(images, boxes), mask)
    assert torch.equal(geometry.resized_crop(images, boxes, mask), expected)
    for pixels in (images, (255 * images).byte()):
        expected = geometry.flip(geometry.padded_crop(pixels, corners, 4), mask)
        assert torch.equal(geometry.padded_crop(pixels, corners, 4, mask), expected)


@pytest.mark.parametrize(
    "crop",
    [
        PaddedCrop(op="padded_crop", padding=4),
        RandomResizedCrop(op="random_resized_crop", scale=(0.2, 1.0)),
    ],
)
def test_flips_around_a_crop_are_all_made(crop):
    """Two that always apply are none, and a third is one."""
    pixels = torch.randint(0, 256, (6, 3, 32, 32), generator=seeded(), dtype=torch.uint8)
    always = Flip(op="flip", p=1.0)

    def made(*operations):
        return Augmentation(operations, (0, 0, 0), (1, 1, 1), 32)(pixels, seeded())

    plain = made(crop)
    assert torch.equal(made(crop, always), plain.flip(3))
    assert torch.equal(made(crop, always, always), plain)
    moved = made(always, always, crop)
    assert torch.equal(made(always, always, crop, always), moved.flip(3))
    assert not torch.equal(moved, made(always, crop))
    assert torch.equal(made(always), pixels.flip(3) / 255)


def test_flip_mirrors_the_mask_only(images):
    mask = torch.arange(12) % 2 == 0
    out = geometry.flip(images, mask)
    assert torch.equal(out[mask], tv.horizontal_flip(images[mask]))
    assert torch.equal(out[~mask], images[~mask])


def test_affine_is_torchvisions(images):
    motion = geometry.draw_affine(12, 32, 30, 0.2, (0.7, 1.4), seeded())
    out = geometry.affine(images, motion)
    for i in range(12):
        expected = tv.affine(
            images[i],
            angle=float(motion.angle[i]),
            translate=[int(motion.right[i]), int(motion.down[i])],
            scale=float(motion.scale[i]),
            shear=[0.0, 0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        torch.testing.assert_close(out[i], expected, atol=1e-4, rtol=0)


def test_affine_has_torchvisions_law():
    torch.manual_seed(0)
    transform = v2.RandomAffine(15, translate=(0.1, 0.1), scale=(0.85, 1.15))
    image = torch.zeros(3, 32, 32)
    drawn = [transform.make_params([image]) for _ in range(DRAWS)]
    motion = geometry.draw_affine(DRAWS, 32, 15, 0.1, (0.85, 1.15), seeded(1))
    pairs = {
        "angle": [params["angle"] for params in drawn],
        "right": [params["translate"][0] for params in drawn],
        "down": [params["translate"][1] for params in drawn],
        "scale": [params["scale"] for params in drawn],
    }
    for name, theirs in pairs.items():
        assert ks_2samp(getattr(motion, name).numpy(), theirs).pvalue > P_VALUE, name


JITTERS = [
    (tv.adjust_brightness, (0.6, 1.4)),
    (tv.adjust_contrast, (0.6, 1.4)),
    (tv.adjust_saturation, (0.6, 1.4)),
    (tv.adjust_hue, (-0.5, 0.5)),
]
NO_JITTER = (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("kind", range(4), ids=["brightness", "contrast", "saturation", "hue"])
@pytest.mark.parametrize("turn", range(4))
def test_each_colour_operation_is_torchvisions(images, kind, turn):
    """In every turn; the other three change nothing."""
    images[0] = 0.3  # without colour, hue is undefined
    images[1], images[2] = 0.0, 1.0
    images[3, 2] = images[3, 1]  # two colours are the largest, or the smallest
    images[4, 1] = images[4, 0]
    theirs, reach = JITTERS[kind]
    factors = torch.tensor(NO_JITTER).repeat(12, 1)
    factors[:, kind] = torch.linspace(*reach, 12)
    order = [other for other in range(4) if other != kind]
    order.insert(turn, kind)
    parameters = colour.Jitter(
        torch.ones(12, dtype=torch.bool), factors, torch.tensor(order).repeat(12, 1)
    )
    out = colour.jitter(images, parameters)
    for i, factor in enumerate(factors[:, kind]):
        expected = theirs(images[i], float(factor))
        torch.testing.assert_close(out[i], expected, atol=5e-5, rtol=0)


def test_jitter_applies_each_images_own_order_to_it(images):
    """All 24 orders with factors of their own, mixed with images that stay as they are."""
    orders = torch.tensor([*itertools.permutations(range(4))] * 2)
    count = len(orders)
    mixed = torch.randperm(count, generator=seeded())
    pixels = images.repeat(count // 12, 1, 1, 1)
    spread = torch.linspace(0, 0.02, count)[:, None]
    factors = torch.tensor([1.3, 0.7, 1.4, 0.1]) + spread
    mask = torch.arange(count) % 5 != 0
    before = pixels.clone()
    out = colour.jitter(pixels, colour.Jitter(mask, factors, orders[mixed]))
    for i in range(count):
        expected = pixels[i]
        for kind in orders[mixed][i].tolist() if mask[i] else ():
            expected = JITTERS[kind][0](expected, float(factors[i, kind]))
        torch.testing.assert_close(out[i], expected, atol=1e-4, rtol=0)
    assert torch.equal(out[~mask], pixels[~mask])
    assert torch.equal(pixels, before)


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("turn", range(4))
def test_jitter_of_images_whose_hue_comes_in_the_same_turn(images, mask, turn):
    """Nothing is before it, or after it, for any image; or no image is jittered at all."""
    order = [0, 1, 2]
    order.insert(turn, 3)
    factors = torch.tensor([1.3, 0.7, 1.4, 0.1])
    parameters = colour.Jitter(
        torch.full((12,), mask), factors.repeat(12, 1), torch.tensor(order).repeat(12, 1)
    )
    expected = images
    for kind in order if mask else ():
        expected = JITTERS[kind][0](expected, float(factors[kind]))
    torch.testing.assert_close(colour.jitter(images, parameters), expected, atol=1e-4, rtol=0)


def test_jitter_has_torchvisions_law_and_all_24_orders():
    torch.manual_seed(0)
    operation = ColorJitter(
        op="color_jitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8
    )
    drawn = colour.draw_jitter(DRAWS, operation, seeded(1))
    transform = v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
    params = [transform.make_params([torch.zeros(3, 2, 2)]) for _ in range(DRAWS)]
    names = ["brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"]
    for kind, name in enumerate(names):
        theirs = [p[name] for p in params]
        assert ks_2samp(drawn.factors_B4[:, kind].numpy(), theirs).pvalue > P_VALUE, name
    codes = (drawn.order_B4 * torch.tensor([64, 16, 4, 1])).sum(1)
    _, counts = codes.unique(return_counts=True)
    assert len(counts) == 24
    assert counts.min() > 110  # 167 expected
    assert float(drawn.mask_B.double().mean()) == pytest.approx(0.8, abs=0.03)


def test_grayscale_is_torchvisions(images):
    mask = torch.arange(12) < 6
    out = colour.grayscale(images, mask)
    expected = tv.rgb_to_grayscale(images[mask], num_output_channels=3)
    torch.testing.assert_close(out[mask], expected)
    assert torch.equal(out[~mask], images[~mask])


@pytest.mark.parametrize("kernel", [1, 3, 5, 13, 63])
def test_blur_is_torchvisions_on_the_mask_only(images, kernel):
    """Up to a kernel whose half is the image, less a pixel."""
    sigma = blur.draw_sigma(12, (0.1, 2.0), seeded())
    mask = torch.arange(12) % 4 != 0
    out = blur.blur_some(images, mask, sigma, kernel)
    for i in range(12):
        expected = tv.gaussian_blur(images[i], [kernel] * 2, [float(sigma[i])] * 2)
        expected = expected if mask[i] else images[i]
        torch.testing.assert_close(out[i], expected, atol=1e-5, rtol=0)


PIPELINE = (
    RandomResizedCrop(op="random_resized_crop", scale=(0.2, 1.0)),
    Flip(op="flip", p=0.5),
    ColorJitter(op="color_jitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8),
    Grayscale(op="grayscale", p=0.2),
    Blur(op="blur", sigma=(0.1, 2.0), kernel=3, p=0.5),
)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


@pytest.mark.slow
def test_whole_pipeline_has_the_law_of_torchvision_image_by_image():
    """Marginals of seven statistics; rounded, since grayscale puts atoms into them."""
    pixel = torch.randint(0, 256, (3, 16, 16), generator=seeded(), dtype=torch.uint8)
    count = 1500
    ours = Augmentation(PIPELINE, (0, 0, 0), (1, 1, 1), 16)(
        pixel.expand(count, -1, -1, -1), seeded(1)
    )
    torch.manual_seed(0)
    transform = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomResizedCrop(16, scale=(0.2, 1.0)),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            v2.RandomGrayscale(p=0.2),
            v2.RandomApply([v2.GaussianBlur(3, (0.1, 2.0))], p=0.5),
        ]
    )
    theirs = torch.stack([transform(pixel) for _ in range(count)])
    for name, statistic in STATISTICS.items():
        one, two = (np.round(statistic(batch).numpy(), 3) for batch in (ours, theirs))
        assert ks_2samp(one, two).pvalue > P_VALUE, name


STATISTICS = {
    "mean": lambda x: x.mean((1, 2, 3)),
    "contrast": lambda x: x.std((1, 2, 3)),
    "saturation": lambda x: (x.amax(1) - x.amin(1)).mean((1, 2)),
    "red - blue": lambda x: (x[:, 0] - x[:, 2]).mean((1, 2)),
    "gradient": lambda x: x.diff(dim=3).abs().mean((1, 2, 3)),
    "one pixel": lambda x: x[:, 0, 5, 7],
    "left - right": lambda x: (x[..., :8] - x[..., 8:]).mean((1, 2, 3)),
}


def test_every_image_of_a_batch_has_parameters_of_its_own():
    pixel = torch.randint(0, 256, (3, 32, 32), generator=seeded(), dtype=torch.uint8)
    out = Augmentation(PIPELINE, MEAN, STD, 32)(pixel.expand(50, -1, -1, -1), seeded())
    assert len(torch.unique(out.flatten(1), dim=0)) == 50


@pytest.mark.parametrize(
    "operations",
    [
        PIPELINE,
        (PaddedCrop(op="padded_crop", padding=4), Flip(op="flip")),
        (Affine(op="affine", degrees=15, translate=0.1, scale=(0.85, 1.15)),),
        (),
    ],
)
def test_the_generator_decides_everything(operations):
    pixels = torch.randint(0, 256, (6, 3, 32, 32), generator=seeded(), dtype=torch.uint8)
    augment = Augmentation(operations, MEAN, STD, 32)
    one, two, three = (augment(pixels, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not operations or not torch.equal(one, three)
    assert one.shape == pixels.shape
    assert torch.isfinite(one).all()
    assert one.is_contiguous(memory_format=torch.channels_last)


def test_evaluation_normalises_and_does_nothing_else():
    pixels = torch.randint(0, 256, (6, 3, 8, 8), generator=seeded(), dtype=torch.uint8)
    expected = tv.normalize(pixels / 255, list(MEAN), list(STD))
    torch.testing.assert_close(evaluation_transform(pixels, MEAN, STD, 32), expected)
    assert math.isfinite(float(expected.sum()))


def test_networks_in_bfloat16_leave_the_images_in_float32():
    pixels = torch.randint(0, 256, (6, 3, 32, 32), generator=seeded(), dtype=torch.uint8)
    blurred = (Blur(op="blur", sigma=(0.1, 2.0), kernel=13, p=1.0), *PIPELINE)
    augment = Augmentation(blurred, MEAN, STD, 32)
    expected = augment(pixels, seeded())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment(pixels, seeded()), expected)
