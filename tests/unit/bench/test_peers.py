"""What ours is held against does the same work: the same views in law, the same losses."""

import dataclasses

import pytest
import torch
from miniature import CONFIG
from torch.nn import functional as F
from torchvision.transforms.functional import to_pil_image

from cogloat.bench.conventional import Training
from cogloat.bench.peers import kornia_transform, torchvision_transform
from cogloat.bench.scene import make_scene
from cogloat.bench.viewed import augmented_data
from cogloat.config.reading import load
from cogloat.data.augmentation import Augmentation
from cogloat.data.sampling import draw_lots
from cogloat.methods.moco.loss import choose_queue_positives, contrastive_loss
from cogloat.randomness import generator
from cogloat.ranks import Part
from cogloat.runs.bench import Bench

ROLES = ["contrastive", "contrastive_strong", "weak", "strong"]
DRAWS = 400


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    bench = load(Bench, CONFIG / "bench.yaml").model_copy(update={"batch_size": 16})
    return make_scene(CONFIG, bench, tmp_path_factory.mktemp("scene"), 1, small=True)


@pytest.fixture(scope="module")
def picture():
    """Return an image with all colours and edges, of the size that the recipes are for."""
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand((1, 3, 4, 4), generator=draw)
    smooth = F.interpolate(coarse, size=(32, 32), mode="bilinear")[0]
    return (255 * smooth).to(torch.uint8)


def of_side(scene, side):
    return dataclasses.replace(scene, side=side)


def statistics(views):
    """Return the mean and the deviation of each view: [2] means over views."""
    flat = views.flatten(1)
    return torch.stack([flat.mean(dim=1), flat.std(dim=1)]).mean(dim=1)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_torchvisions_views_are_like_ours(scene, picture, role):
    data = augmented_data(of_side(scene, 32), ROLES)
    torch.manual_seed(0)
    transform = torchvision_transform(role, data)
    theirs = torch.stack([transform(to_pil_image(picture)) for _ in range(DRAWS)])
    augment = Augmentation.named(role, data)
    ours = augment(picture.expand(DRAWS, -1, -1, -1), generator(0, "views"))
    assert theirs.shape == ours.shape
    torch.testing.assert_close(statistics(theirs), statistics(ours), atol=0.12, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["contrastive", "weak"])
def test_kornias_views_are_like_ours(scene, picture, role):
    pytest.importorskip("kornia", reason="make bench installs it")
    data = augmented_data(of_side(scene, 32), ROLES)
    torch.manual_seed(0)
    batch = picture.expand(DRAWS, -1, -1, -1)
    theirs = kornia_transform(role, data)(batch / 255)
    ours = Augmentation.named(role, data)(batch, generator(0, "views"))
    torch.testing.assert_close(statistics(theirs), statistics(ours), atol=0.12, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kcl", "cogloat"])
def test_the_conventional_loss_is_ours(scene, method):
    training = Training(scene, method)
    settings, draw = training.settings, torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (16,), generator=draw)
    k = settings.positives.from_dataset
    query = F.normalize(torch.randn(16, 128, generator=draw), dim=1)
    keys = F.normalize(torch.randn(16, 1 + k, 128, generator=draw), dim=2)
    # of each class as many in the queue as are chosen, so that nothing is left to chance
    training.queue = training.queue[:60]
    training.labels = torch.arange(10).repeat(6)
    k, part = settings.positives.from_queue, Part(0, len(labels), len(labels))
    chosen = choose_queue_positives(
        labels, training.labels, k, draw_lots(part, k, draw, torch.device("cpu"))
    )
    expected = contrastive_loss(
        query,
        keys,
        training.queue,
        training.temperatures[labels],
        chosen,
        separate=settings.denominator == "separate",
    )
    torch.testing.assert_close(training._loss(query, keys, labels), expected)


@pytest.mark.slow
def test_the_conventional_step_learns_and_fills_its_queue(scene):
    training = Training(scene, "cogloat")
    before = [parameter.clone() for parameter in training.query.parameters()]
    queue = training.queue.clone()
    assert training.step() > 0
    moved = zip(training.query.parameters(), before, strict=True)
    assert all(not torch.equal(now, old) for now, old in moved)
    assert not torch.equal(training.queue[:16], queue[:16])
    assert torch.equal(training.queue[16:], queue[16:])
    assert training.pointer == 16
