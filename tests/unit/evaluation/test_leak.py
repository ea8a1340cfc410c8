"""Whether batch statistics give the own key away: by hand, by a slow reference, by construction."""

import math

import pytest
import torch
from torch import nn

from cogloat.evaluation.leak import Pair, own_is_nearest, own_key_retrieval

STEPS, BATCH = 8, 16


class Marked(nn.Module):
    """Embeds an image by nothing but the mean of its group of the batch, as an angle."""

    def __init__(self, splits=1):
        super().__init__()
        self.splits = splits

    def forward(self, images):
        if not self.training:
            return torch.tensor([1.0, 0.0]).expand(len(images), 2)
        means = images.unflatten(0, (self.splits, -1)).flatten(1).mean(dim=1)
        angles = (1000 * means).repeat_interleave(len(images) // self.splits)
        return torch.stack([angles.cos(), angles.sin()], dim=1)


class Normalised(nn.Module):
    """Unit embeddings of batch-normalised images."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        return nn.functional.normalize(self.norm(images).flatten(1), dim=1)


def pairs(noise=0.0, shuffled=False):
    draw = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        images = torch.randn(BATCH, 3, 2, 2, generator=draw)
        keys = images + noise * torch.randn(images.shape, generator=draw)
        order = torch.randperm(BATCH, generator=draw)
        yield Pair(images, keys, order if shuffled else torch.arange(BATCH))


def test_own_key_must_have_the_largest_cosine_and_no_equal():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    own = torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.6, 0.8]])
    others = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    assert own_is_nearest(queries, own, others).tolist() == [True, False, True]
    assert own_is_nearest(queries[1:2], others[:1], others).tolist() == [False]


@pytest.mark.parametrize("splits", [1, 2])
def test_statistics_that_mark_the_batch_give_every_own_key_away(splits):
    encoder = Marked(splits)
    assert own_key_retrieval(encoder.train(), pairs(), 10_000) == 100
    assert own_key_retrieval(encoder.eval(), pairs(), 10_000) == 0


def test_groups_with_shuffled_keys_give_none_away_but_by_chance():
    found = own_key_retrieval(Marked(2).train(), pairs(shuffled=True), 10_000)
    assert found < 100 / 4  # the own key's group is one of 15
    # a single group has the same statistics in whatever order
    assert own_key_retrieval(Marked().train(), pairs(shuffled=True), 10_000) == 100


@pytest.mark.parametrize("shuffled", [False, True])
def test_every_key_is_held_against_the_query_of_its_own_image(shuffled):
    assert own_key_retrieval(Normalised().eval(), pairs(shuffled=shuffled), 10_000) == 100


@pytest.mark.parametrize(
    ("queue", "earlier"), [(1, 1), (BATCH, 1), (3 * BATCH, 3), (10_000, STEPS - 1)]
)
@pytest.mark.parametrize("training", [False, True])
def test_rate_is_that_of_a_slow_reference(queue, earlier, training):
    encoder = Normalised().train(training)
    found = own_key_retrieval(encoder, pairs(noise=1.5, shuffled=True), queue)
    queries, keys = [], []
    encoder = Normalised().double().train(training)
    with torch.no_grad():
        for pair in pairs(noise=1.5):
            queries.append(encoder(pair.queries.double()).tolist())
            keys.append(encoder(pair.keys.double()).tolist())
    hits = 0
    for step, image in ((step, image) for step in range(STEPS) for image in range(BATCH)):

        def cosine(key, query=queries[step][image]):
            return math.fsum(a * b for a, b in zip(query, key, strict=True))

        others = [key for back in range(1, earlier + 1) for key in keys[step - back]]
        hits += cosine(keys[step][image]) > max(map(cosine, others))
    assert found == pytest.approx(100 * hits / (STEPS * BATCH))
    assert 0 < found < 100
