"""M2m seen from outside: when it begins, which images are made, from what, how, and which are kept.

Both networks are linear in the pixels and keep what they are given, so what f learns in a step
shows which rows were replaced, and what g judged last shows the images that were made.
"""

from itertools import pairwise

import formulas
import pytest
import torch
from miniature import (
    BACKBONE,
    EITHER,
    MEAN,
    PLAIN,
    STD,
    build,
    configured,
    for_numbers,
    image_set,
    numbered,
    read,
    save_weights,
)
from torch import nn

from cogloat.data.imageset import ImageSet
from cogloat.errors import UserError
from cogloat.methods.classifier.settings import CrossEntropy, EffectiveNumber, NoReweighting
from cogloat.methods.m2m.settings import Synthesis
from cogloat.models.networks import Classifier

COUNTS = [40, 20, 4]
IMAGES = numbered(COUNTS)
ALL = torch.arange(len(IMAGES))
EPOCHS, FIRST = 10, 3  # 0.25 of ten epochs, half up
SHIPPED = configured("m2m_ldam", "train", 3).settings.synthesis
CERTAIN = {"confidence": 0.0, "beta": 1e-9}  # g is always sure, and every larger class accepted
RED_LEFT, BLUE_RIGHT = 0, 9  # of an image's twelve values; the latter is always 1
NONE = NoReweighting(kind="none")
STILL = {"steps": 1, "step_size": 1e-6, "noise": 0.0}  # a made image is its seed


class Linear(nn.Module):
    """Scores that are linear in the pixels; keeps the pixels in 0..1, and how it was called."""

    def __init__(self, classes: int, seed: int, size: float = 1.0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(size * torch.randn(classes, 12, generator=draw))
        self.given: list[tuple[torch.Tensor, bool]] = []
        self.graphs: list[tuple[bool, bool]] = []  # of the images, and whether one was recorded

    def forward(self, images):
        self.given.append(((images.detach() * STD + MEAN).clone(), self.training))
        self.graphs.append((images.requires_grad, torch.is_grad_enabled()))
        return images.flatten(1) @ self.weight.T


def scores_of(network, pixels):
    """Return scores of images in 0..1, in float64."""
    return ((pixels.double() - MEAN) / STD).flatten(1) @ network.weight.double().T


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(7)
    return save_weights(tmp_path / "g.pt", Classifier(BACKBONE, 3, "linear"))


def readable(weights, images=IMAGES, weak=PLAIN, reweight=NONE, **changes):
    synthesis = Synthesis.model_validate(SHIPPED.model_dump() | {"start": 0.25} | changes)
    config = configured(
        *("m2m_ldam", "train", 3),
        epochs=EPOCHS,
        synthesis=synthesis,
        loss=CrossEntropy(kind="cross_entropy"),
        reweight=reweight,
    )
    objective = build(for_numbers(config, weak=weak), images, guide=weights)
    objective.classifier, objective.guide = Linear(3, seed=1), Linear(3, seed=2)
    objective.guide.requires_grad_(False)
    return objective.train()


def learned(objective, positions, epoch=FIRST, step=0):
    """Make a step; return the numbers that f learned from, row by row, and what was logged."""
    logged = objective.loss(positions, epoch, step)
    pixels, training = objective.classifier.given[-1]
    assert training
    return read(pixels)[0], logged


# --- when ---


def test_before_its_start_it_learns_from_the_augmented_batch_as_it_is(weights):
    objective = readable(weights, weak=EITHER)
    flips = []
    for epoch in range(FIRST):
        order = objective.order(epoch)
        assert sorted(order.tolist()) == ALL.tolist()
        numbers, logged = learned(objective, order[:16], epoch, 1)
        assert numbers.tolist() == order[:16].tolist()
        assert logged.keys() == {"loss", "train_accuracy"}
        flips.append(read(objective.classifier.given[-1][0])[1])
    assert len(torch.stack(flips).unique(dim=0)) == FIRST
    assert objective.guide.given == []


def test_from_its_start_on_every_class_is_drawn_as_often(weights):
    objective = readable(weights)
    orders = [objective.order(epoch) for epoch in range(FIRST, EPOCHS)]
    assert all(len(order) == len(IMAGES) for order in orders)
    assert all(len(order.unique()) < len(IMAGES) for order in orders)  # with replacement
    assert len({tuple(order.tolist()) for order in orders}) == len(orders)
    shares = torch.bincount(IMAGES.labels_N[torch.cat(orders)]) / (7 * len(IMAGES))
    torch.testing.assert_close(shares, torch.full((3,), 1 / 3), atol=0.08, rtol=0)
    _, logged = learned(objective, orders[0])
    assert "translated" in logged


def test_steps_that_make_images_are_of_no_kind_that_is_recorded(weights):
    objective = readable(weights)
    for epoch in range(EPOCHS):
        _, logged = learned(objective, objective.order(epoch)[:16], epoch)
        assert (objective.phase(epoch) is None) == ("translated" in logged), epoch


# --- which images, from what ---


def repeated(times):
    """Return positions of a batch with as many images of each class, each class's in turn."""
    rows = [(IMAGES.labels_N == label).nonzero()[:, 0] for label in range(3)]
    return torch.cat([own.repeat(times)[:times] for own in rows])


@pytest.mark.slow
@pytest.mark.parametrize("beta", [1e-9, 0.95])
def test_images_are_made_as_often_as_the_formula_says_from_seeds_it_says(weights, beta):
    """With 1 - n_t / n_max, from a seed by 1 - beta^(n_s - n_t), accepted with it again.

    600 rows in six steps of two epochs; limits of about four standard deviations.
    """
    objective = readable(weights, **STILL, confidence=0.0, beta=beta)
    positions = repeated(200)
    labels = IMAGES.labels_N[positions]
    made_from = torch.zeros(3, 3)
    seeds = []
    for epoch, step in ((3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (4, 2)):
        numbers, logged = learned(objective, positions, epoch, step)
        made = numbers != positions
        assert float(logged["translated"]) == pytest.approx(100 * float(made.double().mean()))
        for target, seed in zip(labels[made], IMAGES.labels_N[numbers[made]], strict=True):
            made_from[target, seed] += 1
        seeds.append(numbers[made & (labels == 2)])
    expected = torch.zeros(3, 3)
    for target in (1, 2):
        accept = [1 - beta ** (COUNTS[seed] - COUNTS[target]) for seed in range(target)]
        for seed, p in enumerate(accept):
            share = 1 - COUNTS[target] / COUNTS[0]
            expected[target, seed] = share * p / sum(accept) * p
    torch.testing.assert_close(made_from / 1200, expected, atol=0.055, rtol=0)
    assert set(torch.cat(seeds).tolist()) == set(ALL[IMAGES.labels_N < 2].tolist())
    assert len({tuple(one.tolist()) for one in seeds}) == 6  # drawn anew in every step


def test_a_batch_with_nothing_to_make_is_left_alone(weights):
    """Nothing is larger than the largest class, and seeds come from the batch alone."""
    objective = readable(weights, **STILL, **CERTAIN)
    for label in (0, 1, 2):
        positions = (IMAGES.labels_N == label).nonzero()[:, 0]
        numbers, logged = learned(objective, positions)
        assert numbers.tolist() == positions.tolist()
        assert float(logged["translated"]) == 0
    assert objective.guide.given == []


def test_seeds_are_images_of_the_batch(weights):
    objective = readable(weights, **STILL, **CERTAIN)
    positions = torch.cat([(IMAGES.labels_N == label).nonzero()[:3, 0] for label in (0, 2, 2, 2)])
    numbers, _ = learned(objective, positions)
    assert (numbers != positions).any()
    assert set(numbers.tolist()) <= set(positions.tolist())


def test_one_larger_image_in_the_batch_is_the_seed_of_all(weights):
    objective = readable(weights, **STILL, **CERTAIN)
    (large, *_), rare = ((IMAGES.labels_N == label).nonzero()[:, 0].tolist() for label in (0, 2))
    numbers, _ = learned(objective, torch.tensor([large, *rare]))
    assert (numbers == large).sum() > 1
    assert set(numbers.tolist()) <= {large, *rare}


@pytest.mark.slow
@pytest.mark.parametrize(("epoch", "weighted"), [(3, False), (4, False), (5, True), (9, True)])
def test_what_was_made_is_weighed_by_the_class_it_is_made_for(weights, epoch, weighted):
    """From the epoch on in which deferred weights begin, whatever the step."""
    drw = EffectiveNumber(kind="effective_number", beta=0.9, start=0.5)
    objective = readable(weights, reweight=drw, **CERTAIN)
    raw = [0.1 / (1 - 0.9**n) for n in COUNTS]
    by_class = [3 * value / sum(raw) for value in raw] if weighted else None
    for step in (0, 9):
        loss = objective.loss(ALL, epoch, step)["loss"]
        pixels, _ = objective.classifier.given[-1]
        scores = scores_of(objective.classifier, pixels)
        expected = formulas.cross_entropy(scores, IMAGES.labels_N.tolist(), by_class)
        torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-5)


# --- how ---


@pytest.mark.parametrize("seed_weight", [0.0, 0.7])
def test_each_step_goes_along_the_normalised_gradient_and_stays_in_0_to_1(weights, seed_weight):
    """Down CE(g, target) + lambda f(seed's class); the loss is that of the rows f then learns."""
    settings = {"steps": 4, "step_size": 0.3, "noise": 0.0, "seed_weight": seed_weight}
    objective = readable(weights, weak=EITHER, **settings, **CERTAIN)
    f, g = objective.classifier, objective.guide
    flips = []
    for epoch, number in ((3, 0), (4, 2)):
        f.given.clear()
        g.given.clear()
        logged = objective.loss(ALL, epoch, number)
        *walk, (batch, training) = f.given
        assert training
        assert not any(mode for _, mode in walk + g.given)
        assert f.graphs[-5:] == [(True, True)] * 4 + [(False, True)]
        assert g.graphs[-5:] == [(True, True)] * 4 + [(False, False)]
        assert len(walk) == 4
        made = g.given[-1][0]
        rows = [row for row in ALL.tolist() if any(torch.equal(batch[row], one) for one in made)]
        torch.testing.assert_close(batch[rows], made)  # all are kept, each in its row
        numbers, flipped = read(walk[0][0])
        untouched = IMAGES.labels_N[numbers] == 0  # nothing is made for the largest class
        assert torch.equal(read(batch[numbers[untouched]])[1], flipped[untouched])
        assert (IMAGES.labels_N[numbers] < IMAGES.labels_N[rows]).all()
        for at, after in pairwise([*(pixels for pixels, _ in walk), made]):
            expected = stepped(f, g, at, IMAGES.labels_N[rows], IMAGES.labels_N[numbers], settings)
            torch.testing.assert_close(after.double(), expected, rtol=1e-4, atol=1e-5)
        kept = [row for row in ALL.tolist() if row not in rows]
        assert read(batch[kept])[0].tolist() == kept
        flips.append(read(batch[IMAGES.labels_N == 0])[1])
        scores = scores_of(f, batch)
        expected = formulas.cross_entropy(scores, IMAGES.labels_N.tolist())
        torch.testing.assert_close(logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
        assert f.weight.grad is None  # making images leaves no gradient behind
        logged["loss"].backward()
        (gradient,) = torch.autograd.grad(expected, f.weight)
        torch.testing.assert_close(f.weight.grad, gradient, rtol=1e-4, atol=1e-4)
        f.zero_grad()
    assert 10 < int(torch.cat(flips).sum()) < 70  # of 80
    assert not torch.equal(*flips)


def stepped(f, g, pixels, targets, seeds, settings):
    """One step for each image, in float64."""
    out = []
    for image, target, seed in zip(pixels.double(), targets, seeds, strict=True):
        x = image.detach().clone().requires_grad_()
        normalised = ((x - MEAN) / STD).flatten()
        cost = -torch.log_softmax(g.weight.double() @ normalised, dim=0)[target]
        cost = cost + settings["seed_weight"] * (f.weight.double() @ normalised)[seed]
        (gradient,) = torch.autograd.grad(cost, x)
        moved = x - settings["step_size"] * gradient / gradient.square().sum().sqrt()
        out.append(moved.detach().clamp(0, 1))
    return torch.stack(out)


@pytest.mark.parametrize("noise_norm", ["batch", "image"])
def test_seeds_start_with_noise_of_the_norm_asked_for(weights, noise_norm):
    """Of a whole channel of the batch, or of each image; all images are the same grey."""
    grey = ImageSet(torch.full_like(IMAGES.images_NCHW, 128), IMAGES.labels_N, IMAGES.counts_C)
    objective = readable(weights, grey, **CERTAIN, steps=1, noise=0.3, noise_norm=noise_norm)
    seen = []
    for epoch, step in ((3, 0), (3, 1), (4, 0)):
        objective.loss(ALL, epoch, step)
        noise = objective.classifier.given[-2][0] - 128 / 255
        parts = noise.transpose(0, 1) if noise_norm == "batch" else noise
        norms = parts.flatten(1).norm(dim=1)
        torch.testing.assert_close(norms, torch.full_like(norms, 0.3), rtol=1e-4, atol=1e-5)
        assert 0.3 < float((noise > 0).float().mean()) < 0.7
        assert len(noise.unique(dim=0)) == len(noise)
        seen.append(noise[0])
    assert not torch.allclose(seen[0], seen[1])
    assert not torch.allclose(seen[0], seen[2])


def test_seeds_with_noise_are_images_still(weights):
    """Black stays above 0 and white below 1."""
    objective = readable(weights, **CERTAIN, steps=1, noise=0.5, noise_norm="image")
    objective.loss(ALL, 3, 0)
    start = objective.classifier.given[-2][0]
    assert float(start.min()) == pytest.approx(0, abs=1e-6)
    assert float(start.max()) == pytest.approx(1, abs=1e-6)
    assert len(start.unique()) > 50


# --- which are kept ---


def test_an_image_is_kept_where_g_is_sure_of_its_target(weights):
    objective = readable(weights, **STILL, confidence=0.4, beta=1e-9)
    g, numbers = objective.guide, []
    g.weight.data.zero_()
    g.weight.data[2, [RED_LEFT, BLUE_RIGHT]] = torch.tensor([20.0, 9.0])  # from about 32 on
    positions = torch.cat([repeated(30)[:30], repeated(30)[60:]])  # all targets are of class 2
    for epoch, step in ((3, 0), (3, 1), (4, 0)):
        rows, _ = learned(objective, positions, epoch, step)
        made, _ = g.given[-1]
        scores = scores_of(g, made)
        sure = scores.softmax(dim=1)[:, 2] >= 0.4
        assert sure.any()
        assert not sure.all()
        kept = read(made)[0][sure]
        assert rows[rows != positions].tolist() == kept.tolist()
        numbers.append(tuple(kept.tolist()))
    assert len(set(numbers)) == 3


@pytest.mark.parametrize(("confidence", "kept"), [(0.0, True), (1 / 3, False), (1.0, False)])
def test_as_sure_as_asked_for_is_enough(weights, confidence, kept):
    """A g that gives the targets no probability at all is sure enough for a confidence of 0."""
    objective = readable(weights, **STILL, confidence=confidence, beta=1e-9)
    objective.guide.weight.data.zero_()
    objective.guide.weight.data[0, BLUE_RIGHT] = 1e4
    positions = torch.cat([repeated(30)[:30], repeated(30)[60:]])
    rows, _ = learned(objective, positions)
    assert bool((rows != positions).any()) == kept


def test_how_sure_g_is_is_computed_in_float32(weights):
    """In bfloat16 the probability would be rounded up to what is asked for."""
    scores = torch.linspace(1, 5, 500).bfloat16()
    sure = torch.stack([torch.zeros_like(scores), torch.zeros_like(scores), scores]).float()
    sure = sure.softmax(dim=0)[2]
    i = int((sure.bfloat16().float() - sure).argmax())
    for asked, kept in ((sure[i] + 1e-4, False), (sure[i] - 1e-4, True)):
        assert sure[i].bfloat16() > asked
        objective = readable(weights, **STILL, confidence=float(asked), beta=1e-9)
        objective.guide.weight.data.zero_()
        objective.guide.weight.data[2, BLUE_RIGHT] = scores[i].float() / ((1 - MEAN) / STD)
        with torch.autocast("cpu", torch.bfloat16):
            rows, _ = learned(objective, ALL)
        assert bool((rows != ALL).any()) == kept


# --- g ---


def test_g_is_not_trained_nor_its_statistics_and_the_classifier_is(weights):
    images = image_set(COUNTS)
    config = configured("m2m_ldam", "train", 3, epochs=EPOCHS)
    objective = build(config, images, guide=weights)
    before = {k: v.clone() for k, v in objective.guide.state_dict().items()}
    for mode in (False, True):
        objective.train(mode)
        assert {part.training for part in objective.classifier.modules()} == {mode}
        assert {part.training for part in objective.guide.modules()} == {False}
    logged = objective.loss(ALL, 9, 0)
    logged["loss"].backward()
    assert all(part.training for part in objective.classifier.modules())
    assert all(torch.equal(before[k], v) for k, v in objective.guide.state_dict().items())
    assert all(weight.grad is None for weight in objective.guide.parameters())
    assert not any(weight.requires_grad for weight in objective.guide.parameters())
    assert all(weight.grad is not None for weight in objective.classifier.parameters())


def test_missing_or_foreign_g_is_named(weights, tmp_path):
    config = configured("m2m_ldam", "train", 3)
    with pytest.raises(UserError, match=r"its guide\. Give it: --input guide=FILE"):
        build(config, image_set(COUNTS))
    cosine = save_weights(tmp_path / "cosine.pt", Classifier(BACKBONE, 3, "cosine"))
    with pytest.raises(UserError, match=r"cosine\.pt: these weights are of another network"):
        build(config, image_set(COUNTS), guide=cosine)


def test_g_begins_with_the_weights_handed_over(weights):
    objective = build(configured("m2m_ldam", "train", 3), image_set(COUNTS), guide=weights)
    torch.manual_seed(7)
    for name, value in Classifier(BACKBONE, 3, "linear").state_dict().items():
        assert torch.equal(objective.guide.state_dict()[name], value)


@pytest.mark.slow
def test_more_steps_make_a_real_g_surer_of_the_target(weights):
    images = image_set(COUNTS)

    def sureness(steps):
        synthesis = SHIPPED.model_copy(update={"steps": steps, "seed_weight": 0.0} | CERTAIN)
        config = configured("m2m_ldam", "train", 3, synthesis=synthesis)
        objective = build(config, images, guide=weights)
        seen = []
        objective.guide.register_forward_hook(lambda _, __, scores: seen.append(scores))
        objective.loss(torch.cat([ALL[:40], ALL[60:]]), 190, 0)
        return float(seen[-1].softmax(dim=1)[:, 2].mean())

    assert sureness(30) > sureness(10) > sureness(1)
