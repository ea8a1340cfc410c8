"""The classification objective: weights, deferral, freezing and when it evaluates."""

import pytest
import torch
from miniature import build, configured, image_set, save_weights, without_augmentation
from torch.nn import functional as F

from cogloat.config.schema import EffectiveNumber, Focal, InverseFrequency, Ldam, LogitAdjusted
from cogloat.data.imageset import ImageSet
from cogloat.losses.classification import effective_number_weights
from cogloat.objectives.classification import Classification
from cogloat.training.networks import Classifier

COUNTS = [12, 6, 2]


@pytest.fixture
def images() -> ImageSet:
    return image_set(COUNTS)


def built(images: ImageSet, **changes: object) -> Classification:
    config = configured("ce", "train", len(COUNTS), **changes)
    return build(without_augmentation(config), images, test=images)


@pytest.fixture
def frozen(images, tmp_path) -> Classification:
    """A finetune stage, from a random encoder."""
    torch.manual_seed(1)
    encoder = save_weights(tmp_path / "weights.pt", Classifier(8, len(COUNTS), "linear"))
    config = configured("kcl", "finetune", len(COUNTS))
    return build(without_augmentation(config), images, test=images, encoder=encoder)


def test_cross_entropy_without_weights_is_pytorchs(images):
    objective = built(images)
    positions = torch.arange(len(images))
    logged = objective.loss(positions, 0, 0)
    pixels = images.images_NCHW / 255
    pixels = (pixels - objective._data.mean[0]) / objective._data.std[0]
    expected = F.cross_entropy(objective.classifier(pixels), images.labels_N)
    torch.testing.assert_close(logged["loss"], expected, rtol=1e-4, atol=1e-5)


def test_inverse_frequency_weighs_every_class_alike(images):
    objective = built(images, reweight=InverseFrequency(kind="inverse_frequency"))
    torch.testing.assert_close(
        objective._weights_C * images.counts_C,
        torch.full((3,), float(objective._weights_C[0] * 12)),
    )
    assert float(objective._weights_C.sum()) == pytest.approx(3)


def test_deferred_weights_begin_at_their_epoch(images):
    reweight = EffectiveNumber(kind="effective_number", beta=0.9999, start=0.8)
    objective = built(images, reweight=reweight, epochs=10)
    scores = torch.randn(20, 3)
    plain = F.cross_entropy(scores, images.labels_N)
    weights = effective_number_weights(images.counts_C, 0.9999)
    weighted = F.cross_entropy(scores, images.labels_N, weights)
    assert torch.equal(objective._criterion(scores, images.labels_N, 7), plain)
    assert torch.equal(objective._criterion(scores, images.labels_N, 8), weighted)


def test_ldam_uses_a_cosine_classifier_and_stays_finite(images):
    objective = built(images, loss=Ldam(kind="ldam", scale=30.0, max_margin=0.5))
    loss = objective.loss(torch.arange(len(images)), 0, 0)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert objective.classifier.head.weight.shape == (3, 64)


@pytest.mark.parametrize(("loss", "offsets"), [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)])
def test_logit_adjustment_adds_the_log_prior_in_training_only(images, loss, offsets):
    objective = built(images, loss=LogitAdjusted(kind="logit_adjusted", tau=loss))
    scores = torch.randn(20, 3)
    prior = torch.tensor(COUNTS).double().div(sum(COUNTS)).log()
    expected = F.cross_entropy(scores + offsets * prior, images.labels_N)
    adjusted = objective._criterion(scores, images.labels_N, 0)
    torch.testing.assert_close(adjusted.double(), expected, rtol=1e-5, atol=1e-6)
    objective.eval()
    assert torch.equal(objective._test_scores(images), built(images).eval()._test_scores(images))


def test_focal_loss_spares_what_is_learned(images):
    objective = built(images, loss=Focal(kind="focal", gamma=1.0))
    scores = torch.randn(20, 3)
    loss = F.cross_entropy(scores, images.labels_N, reduction="none")
    expected = ((1 - torch.exp(-loss)) * loss).mean()
    torch.testing.assert_close(objective._criterion(scores, images.labels_N, 0), expected)


def test_a_finetune_stage_begins_with_the_encoders_backbone(images, tmp_path):
    torch.manual_seed(1)
    trained = Classifier(8, len(COUNTS), "linear")
    encoder = save_weights(tmp_path / "weights.pt", trained)
    objective = build(configured("kcl", "finetune", len(COUNTS)), images, encoder=encoder)
    for name, value in trained.backbone.state_dict().items():
        assert torch.equal(objective.classifier.backbone.state_dict()[name], value)


def test_frozen_backbone_does_not_change_nor_do_its_statistics(frozen, images):
    objective = frozen
    before = {k: v.clone() for k, v in objective.classifier.backbone.state_dict().items()}
    objective.loss(torch.arange(len(images)), 0, 0)["loss"].backward()
    objective.end_epoch(objective._settings.epochs - 1)
    objective.train()
    assert not objective.classifier.backbone.training
    after = objective.classifier.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    trainable = [name for name, w in objective.named_parameters() if w.requires_grad]
    assert trainable == ["classifier.head.weight"]  # LDAM's cosine classifier has no bias


def test_test_accuracy_is_measured_when_due_and_in_the_last_epoch(images):
    objective = built(images, evaluate_every=2, epochs=5)
    measured = [objective.end_epoch(epoch)["test_accuracy"] for epoch in range(5)]
    assert [value is not None for value in measured] == [False, True, False, True, True]


def test_cached_features_give_the_accuracy_of_a_full_pass(frozen, images):
    objective = frozen
    objective.end_epoch(objective._settings.epochs - 1)
    cached = objective._test_scores(images)
    objective._test_features = None
    objective._frozen = False
    torch.testing.assert_close(cached, objective._test_scores(images))
