"""The classification objective: weights, deferral, freezing and when it evaluates."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from cogloat.config.load import run_config
from cogloat.config.schema import EffectiveNumber, InverseFrequency, Ldam
from cogloat.data.imageset import ImageSet
from cogloat.losses.classification import effective_number_weights
from cogloat.objectives.classification import Classification, build
from cogloat.training.networks import Classifier

CONFIG = Path(__file__).parents[3] / "config"
COUNTS = [12, 6, 2]


@pytest.fixture
def images() -> ImageSet:
    labels = torch.arange(len(COUNTS)).repeat_interleave(torch.tensor(COUNTS))
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (len(labels), 3, 8, 8), generator=draw, dtype=torch.uint8)
    return ImageSet(pixels, labels, torch.tensor(COUNTS))


def built(images: ImageSet, *, frozen: bool = False, **changes: object) -> Classification:
    config = run_config(CONFIG, "digits", 10, "ce", 0, "train")
    settings = config.classify.model_copy(update=changes)
    data = config.data.model_copy(update={"augmentation": ()})
    torch.manual_seed(0)
    network = Classifier(8, len(COUNTS), settings.loss.classifier)
    return build(network, settings, data, images, images, 0, frozen=frozen).train()


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


def test_frozen_backbone_does_not_change_nor_do_its_statistics(images):
    objective = built(images, frozen=True)
    before = {k: v.clone() for k, v in objective.classifier.backbone.state_dict().items()}
    objective.loss(torch.arange(len(images)), 0, 0)["loss"].backward()
    objective.end_epoch(0)
    objective.train()
    assert not objective.classifier.backbone.training
    after = objective.classifier.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    trainable = [name for name, w in objective.named_parameters() if w.requires_grad]
    assert trainable == ["classifier.head.weight", "classifier.head.bias"]


def test_test_accuracy_is_measured_when_due_and_in_the_last_epoch(images):
    objective = built(images, evaluate_every=2, epochs=5)
    measured = [objective.end_epoch(epoch)["test_accuracy"] for epoch in range(5)]
    assert [value is not None for value in measured] == [False, True, False, True, True]


def test_cached_features_give_the_accuracy_of_a_full_pass(images):
    objective = built(images, frozen=True)
    objective.end_epoch(objective._settings.epochs - 1)
    cached = objective._test_scores(images)
    objective._test_features = None
    objective._frozen = False
    torch.testing.assert_close(cached, objective._test_scores(images))
