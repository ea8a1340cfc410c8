"""M2m's objective: when it begins, which images are made, from what, and which are kept."""

import miniature
import pytest
import torch
from miniature import image_set, save_weights, without_augmentation
from torch.nn import functional as F

from cogloat.config.schema import Translation
from cogloat.data.imageset import ImageSet
from cogloat.errors import UserError
from cogloat.objectives.classification import Classification
from cogloat.training.networks import Classifier

COUNTS = [400, 40, 4]
EPOCHS = 10
ALL = torch.arange(400 - 30, 444)  # thirty of class 0, all of the others
SHIPPED = miniature.configured("m2m_ldam", "train", len(COUNTS)).settings.translation


@pytest.fixture
def images() -> ImageSet:
    return image_set(COUNTS)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(7)
    return save_weights(tmp_path / "g.pt", Classifier(8, len(COUNTS), "linear"))


def build(images, weights, **changes):
    translation = Translation.model_validate(SHIPPED.model_dump() | changes)
    config = miniature.configured(
        "m2m_ldam", "train", len(COUNTS), epochs=EPOCHS, batch_size=64, translation=translation
    )
    return miniature.build(without_augmentation(config), images, test=images, generator=weights)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_before_its_start_it_is_the_classification_of_the_same_loss(images, weights):
    objective = build(images, weights)
    assert sorted(objective.order(7).tolist()) == list(range(len(images)))
    logged = objective.loss(ALL, 7, 0)
    assert "translated" not in logged
    other = build(images, weights)
    expected = Classification.loss(other, ALL, 7, 0)
    assert torch.equal(logged["loss"], expected["loss"])


def test_from_its_start_on_every_class_is_drawn_as_often(images, weights):
    objective = build(images, weights)
    drawn = torch.cat([objective.order(epoch) for epoch in range(8, 10)])
    assert len(drawn) == 2 * len(images)
    shares = torch.bincount(images.labels_N[drawn]) / len(drawn)
    torch.testing.assert_close(shares, torch.full((3,), 1 / 3), atol=0.06, rtol=0)


def test_acceptance_grows_with_how_much_larger_the_seeds_class_is(images, weights):
    objective = build(images, weights, beta=0.99)
    labels = torch.tensor([0, 1, 2])
    accept = objective._acceptance(labels)
    for target in range(3):
        for seed in range(3):
            more = max(COUNTS[seed] - COUNTS[target], 0)
            assert float(accept[target, seed]) == pytest.approx(1 - 0.99**more)


def test_an_image_is_to_be_replaced_the_likelier_the_rarer_its_class(images, weights):
    objective = build(images, weights)
    labels = torch.arange(3).repeat_interleave(20_000)
    wanted = objective._wanted(labels, seeded()).view(3, -1).double().mean(dim=1)
    expected = torch.tensor([0.0, 0.9, 0.99]).double()
    torch.testing.assert_close(wanted, expected, atol=0.01, rtol=0)


def test_each_step_goes_along_the_normalised_gradient(images, weights):
    objective = build(images, weights, steps=1, noise=0.0, seed_weight=0.5, step_size=0.1)
    seeds = images.images_NCHW[:3] / 255
    seed_labels, targets = torch.tensor([0, 0, 1]), torch.tensor([1, 2, 2])
    made, _ = objective._make(seeds, seed_labels, targets, seeded())
    objective.eval()
    for i in range(3):
        pixels = seeds[i : i + 1].clone().requires_grad_()
        normalised = objective._augment.normalise(pixels)
        loss = F.cross_entropy(objective.generator(normalised), targets[i : i + 1])
        loss = loss + 0.5 * objective.classifier(normalised)[0, seed_labels[i]]
        loss.backward()
        expected = (seeds[i] - 0.1 * pixels.grad[0] / pixels.grad.norm()).clamp(0, 1)
        torch.testing.assert_close(made[i], expected, rtol=1e-4, atol=1e-5)


def test_more_steps_make_g_surer_of_the_target(images, weights):
    seeds, labels = images.images_NCHW[:16] / 255, torch.zeros(16, dtype=torch.long)
    targets = torch.full((16,), 2)

    def sureness(steps: int) -> float:
        objective = build(images, weights, steps=steps, noise=0.0, seed_weight=0.0)
        made, _ = objective._make(seeds, labels, targets, seeded())
        assert bool(((made >= 0) & (made <= 1)).all())
        scores = objective.generator(objective._augment.normalise(made))
        return float(scores.softmax(dim=1)[:, 2].mean())

    assert sureness(30) > sureness(10) > sureness(1)


def test_images_are_kept_where_g_is_sure_and_the_rest_stay_as_they_are(images, weights):
    pixels, labels = images.images_NCHW[ALL] / 255, images.labels_N[ALL]
    nothing = build(images, weights, confidence=1.0)
    out, made = nothing._translate(pixels, labels, seeded())
    assert not made.any()
    assert torch.equal(out, pixels)
    everything = build(images, weights, confidence=0.0, beta=1e-9)
    out, made = everything._translate(pixels, labels, seeded())
    assert not made[labels == 0].any()  # nothing is larger
    assert made[labels == 2].all() or made[labels == 2].double().mean() > 0.5
    assert torch.equal(out[~made], pixels[~made])
    assert (out[made] != pixels[made]).flatten(1).any(dim=1).all()


def test_made_images_come_from_larger_classes(images, weights):
    objective = build(
        images, weights, confidence=0.0, beta=1e-9, steps=1, noise=0.0, step_size=1e-6
    )
    pixels, labels = images.images_NCHW[ALL] / 255, images.labels_N[ALL]
    out, made = objective._translate(pixels, labels, seeded())
    for place in made.nonzero()[:, 0]:
        distances = (pixels - out[place]).flatten(1).norm(dim=1)
        assert COUNTS[labels[distances.argmin()]] > COUNTS[labels[place]]


def test_noise_is_as_small_as_asked_for(images, weights):
    shape = torch.Size([16, 3, 8, 8])
    image = build(images, weights, noise=0.5, noise_norm="image")._noise(shape, seeded())
    torch.testing.assert_close(image.flatten(1).norm(dim=1), torch.full((16,), 0.5))
    batch = build(images, weights, noise=0.5, noise_norm="batch")._noise(shape, seeded())
    torch.testing.assert_close(batch.transpose(0, 1).flatten(1).norm(dim=1), torch.full((3,), 0.5))
    assert batch.norm() < image.norm()


def test_a_batch_with_nothing_to_make_is_left_alone(images, weights):
    objective = build(images, weights)
    pixels = images.images_NCHW[:8] / 255  # all of the largest class
    out, made = objective._translate(pixels, images.labels_N[:8], seeded())
    assert torch.equal(out, pixels)
    assert not made.any()
    one = objective.loss(torch.tensor([443]), 9, 0)
    assert torch.isfinite(one["loss"])


def test_g_is_not_trained_nor_its_statistics_and_the_classifier_is(images, weights):
    objective = build(images, weights, confidence=0.0)
    before = {k: v.clone() for k, v in objective.generator.state_dict().items()}
    logged = objective.loss(ALL, 8, 0)
    logged["loss"].backward()
    assert 0 < float(logged["translated"]) <= 100
    assert not objective.generator.training
    assert objective.classifier.training
    assert all(torch.equal(before[k], v) for k, v in objective.generator.state_dict().items())
    assert all(weight.grad is None for weight in objective.generator.parameters())
    assert all(weight.grad is not None for weight in objective.classifier.parameters())
    assert set(objective.weights()) == set(objective.classifier.state_dict())


def test_missing_or_foreign_generator_is_named(images, weights, tmp_path):
    with pytest.raises(UserError, match=r"m2m_ldam: its images are made by g\. Give --generator"):
        build(images, None)
    cosine = save_weights(tmp_path / "cosine.pt", Classifier(8, len(COUNTS), "cosine"))
    with pytest.raises(UserError, match=r"cosine\.pt: these weights are of another network"):
        build(images, cosine)
