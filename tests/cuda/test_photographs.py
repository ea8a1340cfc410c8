"""What only a GPU can show of photographs: pinned rows, its own products. Skipped without one."""

import numpy as np
import pytest
import torch
from miniature import CONFIG

from cogloat.data.augmentation import Augmentation
from cogloat.data.frames import Framed
from cogloat.data.imageset import ImageSet
from cogloat.data.rows import Rows
from cogloat.runs.load import load_dataset
from cogloat.training.machine import set_products

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
GPU = torch.device("cuda")


@pytest.fixture(autouse=True)
def exact():
    """IEEE float32, as every training sets it."""
    set_products("ieee")


def photographs(folder, device) -> ImageSet:
    """Return 70 images of noise in slots of real size, on disk."""
    draw = np.random.default_rng(0)
    np.save(folder / "images.npy", draw.integers(0, 256, (70, 3, 384, 576), dtype=np.uint8))
    frames = np.stack([draw.integers(200, 385, 70), draw.integers(385, 577, 70)], axis=1)
    frames_N3 = torch.from_numpy(np.column_stack([frames, np.arange(70) % 2]))
    labels = torch.arange(70) % 7
    rows = Rows(np.load(folder / "images.npy", mmap_mode="r"))
    return ImageSet(rows, labels.to(device), torch.bincount(labels).to(device), frames_N3)


def test_rows_come_through_pinned_memory_and_are_right(tmp_path):
    images = photographs(tmp_path, GPU)
    positions = torch.tensor([5, 69, 0, 5])
    assert images.images_NCHW.take(positions, pinned=True).is_pinned()
    batches = [images.batch(positions) for _ in range(20)]  # buffers are used again
    expected = torch.from_numpy(np.load(tmp_path / "images.npy")[positions.numpy()])
    for batch in batches:
        assert isinstance(batch, Framed)
        assert torch.equal(batch.pixels.cpu(), expected)


@pytest.mark.parametrize("recipe", load_dataset(CONFIG, "imagenet_lt").recipes)
def test_views_are_the_processors_but_for_rounding_and_repeat_to_the_bit(recipe, tmp_path):
    operations = load_dataset(CONFIG, "imagenet_lt").recipes[recipe]
    augment = Augmentation(operations, (0, 0, 0), (1, 1, 1), 224)
    views = []
    for device in (torch.device("cpu"), GPU, GPU):
        batch = photographs(tmp_path, device).batch(torch.arange(70))
        views.append(augment(batch, torch.Generator().manual_seed(0)).cpu())
    assert torch.equal(views[1], views[2])
    # where a level decides between two, as in a table or a threshold, rounding may move a pixel
    assert ((views[0] - views[1]).abs() > 0.02).double().mean() < 1e-3
