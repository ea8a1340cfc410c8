"""Crops of images of unequal size: PIL's pixels, torchvision's law, and what tests are given."""

from functools import cache, partial

import numpy as np
import pytest
import torch
from miniature import CONFIG
from PIL import Image
from scipy.stats import ks_2samp
from sklearn.datasets import load_sample_image
from torchvision import transforms
from torchvision.transforms import v2

from cogloat.bench.pretended import Device
from cogloat.config.augmentation import ColorJitter, Flip, RandomResizedCrop
from cogloat.config.dataset import Slots
from cogloat.data.augmentation import Augmentation, evaluation_transform, geometry, slots
from cogloat.data.augmentation.geometry import Boxes
from cogloat.data.frames import Framed
from cogloat.data.sources import shapes
from cogloat.data.sources.shapes import lying, stands
from cogloat.runs.load import load_dataset

SIZE, SCALE, RATIO = 224, (0.08, 1.0), (3 / 4, 4 / 3)
DRAWS, P_VALUE = 4000, 1e-3
SLOTS = Slots(short_side=384)
CROP = RandomResizedCrop(op="random_resized_crop", scale=SCALE)
# width and height: as ImageNet's are, portrait, square, small, large, long, of one pixel
SIZES = [
    *((500, 375), (500, 333), (333, 500), (375, 500), (384, 384), (500, 500)),
    *((120, 90), (64, 100), (1600, 1200), (1200, 1600), (2000, 300), (300, 2000)),
    *((576, 384), (577, 384), (7, 5), (5, 7), (1, 1), (1, 40), (40, 1), (900, 2)),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def photograph(number: int) -> Image.Image:
    """Return one of scikit-learn's two, 640 x 427."""
    return Image.fromarray(load_sample_image(("china.jpg", "flower.jpg")[number]))


def picture(number: int, size: tuple[int, int]) -> Image.Image:
    """Return a photograph of a size, or noise, which has no smooth pixel."""
    if number % 3 == 2:
        draw = np.random.default_rng(number)
        return Image.fromarray(draw.integers(0, 256, (*reversed(size), 3), dtype=np.uint8))
    return photograph(number % 3).resize(size)


def framed(pictures: list[Image.Image], form: Slots = SLOTS) -> Framed:
    """Put pictures into slots, as a store does."""
    pixels = torch.zeros(len(pictures), 3, form.short_side, form.long_side, dtype=torch.uint8)
    sides = []
    for place, image in zip(pixels, pictures, strict=True):
        stored = torch.from_numpy(np.array(lying(image, form))).permute(2, 0, 1)
        place[:, : stored.shape[1], : stored.shape[2]] = stored
        sides.append(stored.shape[1:])
    height_B, width_B = torch.tensor(sides).T
    return Framed(pixels, height_B, width_B, torch.tensor([stands(p.size) for p in pictures]))


def kept(image: Image.Image, form: Slots = SLOTS) -> Image.Image:
    """Return what a store keeps of a picture, upright again."""
    stored = lying(image, form)
    return stored.transpose(Image.Transpose.TRANSPOSE) if stands(image.size) else stored


def levels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float()


def test_a_slot_keeps_an_image_but_for_what_is_beyond_three_to_two():
    for number, (width, height) in enumerate(SIZES):
        image = picture(number, (width, height))
        stored = lying(image, SLOTS)
        short, long = sorted((width, height))
        cut = min(long, short * 3 // 2)
        assert stored.size[0] <= SLOTS.long_side
        if short <= SLOTS.short_side:
            turned = image.transpose(Image.Transpose.TRANSPOSE) if height > width else image
            left = (long - cut) // 2
            assert np.array_equal(np.array(stored), np.array(turned)[:, left : left + cut])
        else:
            assert stored.size == (round(cut * 384 / short), 384)


@pytest.mark.slow
def test_crops_are_pils_within_a_grey_level():
    """200 images of real size, boxes by the law; photographs and noise, landscape and portrait."""
    draw = np.random.default_rng(0)
    sizes = [tuple(draw.integers(180, 700, 2).tolist()) for _ in range(200 - len(SIZES))]
    pictures = [picture(number, size) for number, size in enumerate([*SIZES, *sizes])]
    images = framed(pictures)
    sides = slots.own_sides(images)
    boxes = geometry.draw_resized_crops(*sides, SCALE, RATIO, seeded())
    mirrored = torch.rand(len(pictures), generator=seeded(1)) < 0.5
    out = 255 * slots.crop(images, boxes, SIZE, mirrored)
    differences = []
    for number, image in enumerate(pictures):
        own = kept(image)
        assert own.size == (int(sides[1][number]), int(sides[0][number]))
        top, left, height, width = (
            int(values[number]) for values in (boxes.top, boxes.left, boxes.height, boxes.width)
        )
        cut = own.crop((left, top, left + width, top + height))
        expected = cut.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        if mirrored[number]:
            expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        differences.append((out[number] - levels(expected)).abs())
    assert max(float(own.max()) for own in differences) <= 1.01
    assert np.mean([float(own.mean()) for own in differences]) < 0.3


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 2, 1, 9), (2, 5, 12, 1), (0, 0, 20, 30)])
def test_crops_of_a_pixel_and_of_a_line_are_pils(box):
    top, left, height, width = box
    pictures = [picture(2, (30, 20)), picture(2, (30, 20))]
    boxes = Boxes(*(torch.tensor([value, value]) for value in (top, left, height, width)))
    out = 255 * slots.crop(framed(pictures, Slots(short_side=24)), boxes, 16)
    cut = pictures[0].crop((left, top, left + width, top + height))
    expected = levels(cut.resize((16, 16), Image.Resampling.BILINEAR))
    for image in out:
        assert (image - expected).abs().max() <= 1.01


@pytest.mark.slow
@pytest.mark.parametrize("size", [(500, 375), (333, 500), (64, 64), (1600, 200), (40, 600), (9, 1)])
@pytest.mark.parametrize("scale", [(0.08, 1.0), (0.9, 1.0)])
def test_boxes_have_torchvisions_law(size, scale):
    """With its fallback, which is the largest box in the middle that has an allowed ratio."""
    width, height = size
    torch.manual_seed(0)
    transform = v2.RandomResizedCrop(SIZE, scale=scale, ratio=RATIO)
    image = torch.zeros(3, height, width)
    drawn = [transform.make_params([image]) for _ in range(DRAWS)]
    sides = torch.full((DRAWS,), height), torch.full((DRAWS,), width)
    boxes = geometry.draw_resized_crops(*sides, scale, RATIO, seeded(1))
    for name in ("top", "left", "height", "width"):
        theirs = [params[name] for params in drawn]
        assert ks_2samp(getattr(boxes, name).numpy(), theirs).pvalue > P_VALUE, name


def test_boxes_are_of_each_image_of_a_batch():
    heights, widths = torch.tensor([10, 100, 3]), torch.tensor([100, 10, 300])
    for seed in range(50):
        boxes = geometry.draw_resized_crops(heights, widths, SCALE, RATIO, seeded(seed))
        assert (boxes.top >= 0).all()
        assert (boxes.left >= 0).all()
        assert (boxes.top + boxes.height <= heights).all()
        assert (boxes.left + boxes.width <= widths).all()


@pytest.mark.slow
@pytest.mark.parametrize("size", [224, 32, 96])
def test_test_images_are_torchvisions_to_the_bit(size):
    resized = {224: 256, 32: 37, 96: 110}[size]
    theirs = transforms.Compose([transforms.Resize(resized), transforms.CenterCrop(size)])
    for number, (width, height) in enumerate([*SIZES, (256, 256), (341, 256), (513, 511)]):
        if max(width, height) <= shapes.LONGEST * min(width, height):
            image = picture(number, (width, height))
            assert np.array_equal(shapes.evaluation_square(image, size), theirs(image)), image.size


def test_the_middle_of_an_image_too_long_to_be_scaled_is_its_test_image():
    image = picture(2, (2000, 3))
    middle = shapes.evaluation_square(image, 32)
    expected = image.crop((990, 0, 1010, 3)).resize((243, 37), Image.Resampling.BILINEAR)
    box = ((243 - 32) // 2, 2, (243 - 32) // 2 + 32, 34)
    assert np.abs(np.array(middle, int) - np.array(expected.crop(box), int)).mean() < 12


@pytest.mark.slow
def test_training_images_without_a_crop_are_as_test_images():
    pictures = [picture(number, size) for number, size in enumerate(SIZES[:10])]
    pictures = [image for image in pictures if min(image.size) <= 384]  # as they were
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    images = framed(pictures)
    out = evaluation_transform(images, mean, std, SIZE)
    for image, own in zip(out, pictures, strict=True):
        expected = levels(shapes.evaluation_square(kept(own), SIZE))
        assert (255 * image - expected).abs().max() <= 1.01
    jitter = ColorJitter(op="color_jitter", brightness=0, contrast=0, saturation=0, hue=0, p=1)
    for operations in ((), (jitter,)):
        augmented = Augmentation(operations, mean, std, SIZE)(images, seeded())
        torch.testing.assert_close(augmented, out, atol=1e-5, rtol=0)


def test_a_portrait_is_cropped_upright_and_flipped_left_to_right():
    """Its rows and columns are exchanged in the slot; nothing of that is seen."""
    image = Image.new("RGB", (20, 30))
    image.paste((255, 0, 0), (0, 0, 10, 15))  # the upper left is red
    image.paste((0, 0, 255), (0, 15, 10, 30))  # the lower left is blue
    whole = RandomResizedCrop(op="random_resized_crop", scale=(1.0, 1.0), ratio=(2 / 3, 2 / 3))
    augment = partial(Augmentation, mean=(0, 0, 0), std=(1, 1, 1), size=16)
    images = framed([image], Slots(short_side=20))
    (upright,) = augment((whole,))(images, seeded())
    assert upright[:, 3, 3].round(decimals=5).tolist() == [1, 0, 0]
    assert upright[:, 12, 3].round(decimals=5).tolist() == [0, 0, 1]
    assert upright[:, 3, 12].tolist() == [0, 0, 0]
    (flipped,) = augment((whole, Flip(op="flip", p=1.0)))(images, seeded())
    torch.testing.assert_close(flipped, upright.flip(2), atol=1e-6, rtol=0)


def test_a_crop_does_not_depend_on_the_rest_of_its_batch():
    pictures = [picture(number, (60 + number, 50)) for number in range(70)]  # more than a chunk
    images = framed(pictures, Slots(short_side=48))
    boxes = geometry.draw_resized_crops(*slots.own_sides(images), SCALE, RATIO, seeded())
    whole = slots.crop(images, boxes, 32)
    last = slice(66, 70)
    one = Framed(
        *(part[last] for part in (images.pixels, images.height_B, images.width_B)),
        images.transposed_B[last],
    )
    few = Boxes(*(part[last] for part in (boxes.top, boxes.left, boxes.height, boxes.width)))
    torch.testing.assert_close(slots.crop(one, few, 32), whole[last], atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", load_dataset(CONFIG, "imagenet_lt").recipes)
def test_views_of_photographs_are_the_processors_and_make_no_gpu_wait(recipe):
    operations = load_dataset(CONFIG, "imagenet_lt").recipes[recipe]
    augment = Augmentation(operations, (0, 0, 0), (1, 1, 1), 32)
    sizes = [(60 + number, 50 + number % 9 * 4) for number in range(66)]
    images = framed([picture(*own) for own in enumerate(sizes)], Slots(short_side=48))
    expected = augment(images, seeded(1))
    with Device() as device:
        pixels = images.pixels.to(device.device)
        there = Framed(pixels, images.height_B, images.width_B, images.transposed_B)
        augment(there, seeded())  # the first call sends constants
        device.waits.clear()
        out = augment(there, seeded(1))
        assert device.waits == []
        torch.testing.assert_close(out.cpu(), expected)
