"""What every objective shares that leaves a classifier: orders, test accuracy, weights."""

import pytest
import torch
from miniature import (
    BACKBONE,
    EITHER,
    Reader,
    build,
    configured,
    for_numbers,
    image_set,
    numbered,
    save_weights,
)

from cogloat.data.sampling import ClassIndex, class_aware_order
from cogloat.methods.supervised import accuracy
from cogloat.models.networks import Classifier

COUNTS = [12, 6, 2]
IMAGES = numbered(COUNTS)
TEST = numbered([300, 150, 100], first=len(IMAGES))  # more than one part of a pass
METHODS = ["ce", "ldam", "balanced_softmax", "m2m_ldam", "paco", "bcl"]
EVERYWHERE = dict.fromkeys(("weak", "strong", "contrastive_strong"), EITHER)


@pytest.fixture
def weights(tmp_path):
    return save_weights(tmp_path / "g.pt", Classifier(BACKBONE, 3, "linear"))


def readable(method, weights, test=TEST, **changes):
    config = configured(method, "train", 3, **{"epochs": 5, "batch_size": 4} | changes)
    given = {"guide": weights} if method == "m2m_ldam" else {}
    objective = build(for_numbers(config, **EVERYWHERE), IMAGES, test=test, **given)
    objective.classifier.backbone = Reader(len(IMAGES) + len(TEST), 64, seed=3)
    return objective


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_each_epoch_visits_every_image_in_an_order_of_its_own(method, weights):
    orders = [readable(method, weights).order(epoch).tolist() for epoch in range(4)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert orders == [readable("ce", weights).order(epoch).tolist() for epoch in range(4)]
    assert readable(method, weights).size == 20


@pytest.mark.parametrize(("drop_last", "used"), [(True, 18), (False, 20)])
def test_class_aware_epochs_are_parts_of_one_list(weights, drop_last, used):
    """Of 20 images in batches of six, an epoch uses 18 or all, and the next goes on there."""
    changes = {"sampler": "class_aware", "batch_size": 6, "drop_last": drop_last}
    objective = readable("ce", weights, **changes)
    orders = [objective.order(epoch) for epoch in range(4)]
    index = ClassIndex(IMAGES.labels_N)
    assert torch.equal(torch.cat(orders), class_aware_order(index, 0, 4 * used, seed=0))


@pytest.mark.parametrize("method", METHODS)
def test_the_accuracy_is_that_of_the_test_images_as_they_are(method, weights):
    """The prior of the training set, margins and scales take no part."""
    objective = readable(method, weights, evaluate_every=1)
    backbone, head = objective.classifier.backbone, objective.classifier.head
    for epoch in range(2):
        backbone.load_state_dict(Reader(570, 64, seed=10 + epoch).state_dict())
        backbone.given.clear()
        objective.train()
        measured = objective.end_epoch(epoch)
        rows = [row for given in backbone.given for row in given.rows]
        assert rows == [(number, False) for number in range(20, 570)]
        assert not any(given.training or given.gradient for given in backbone.given)
        with torch.no_grad():
            best = head(backbone.table[0, 20:]).argmax(dim=1)
        right = sum(int(one) == int(label) for one, label in zip(best, TEST.labels_N, strict=True))
        assert measured == {"test_accuracy": pytest.approx(100 * right / 550)}


@pytest.mark.parametrize(
    ("every", "due"),
    [
        (1, [True] * 5),
        (2, [False, True, False, True, True]),
        (3, [False, False, True, False, True]),
        (9, [False] * 4 + [True]),
    ],
)
def test_accuracy_is_measured_when_due_and_in_the_last_epoch(every, due, weights):
    objective = readable("ce", weights, evaluate_every=every)
    measured = [objective.end_epoch(epoch)["test_accuracy"] for epoch in range(5)]
    assert [value is not None for value in measured] == due


def test_without_a_test_set_nothing_is_measured(weights):
    objective = readable("ce", weights, test=None)
    assert [objective.end_epoch(epoch) for epoch in range(5)] == [{}] * 5


@pytest.mark.parametrize(("method", "stage"), [("ce", "train"), ("kcl", "finetune")])
def test_images_held_out_have_an_accuracy_of_their_own(method, stage, tmp_path):
    held_out = numbered([9, 5, 4], first=len(IMAGES) + len(TEST))
    encoder = save_weights(tmp_path / "e.pt", Classifier(BACKBONE, 3, "linear"))
    given = {"encoder": encoder} if stage == "finetune" else {}
    config = for_numbers(configured(method, stage, 3, evaluate_every=1))
    objective = build(config, IMAGES, test=TEST, validation=held_out, **given)
    reader = Reader(len(IMAGES) + len(TEST) + len(held_out), 64, seed=3)
    objective.classifier.backbone = reader
    for epoch in range(2):
        head = objective.classifier.head
        head.weight.data.copy_(torch.randn(3, 64, generator=torch.Generator().manual_seed(epoch)))
        measured = objective.end_epoch(epoch)
        assert list(measured) == ["validation_accuracy", "test_accuracy"]
        for name, images, first in [
            ("validation", held_out, len(IMAGES) + len(TEST)),
            ("test", TEST, len(IMAGES)),
        ]:
            features = reader.table[0, first : first + len(images)]
            right = head(features).argmax(dim=1) == images.labels_N
            share = 100 * float(right.double().mean())
            assert measured[f"{name}_accuracy"] == pytest.approx(share)


@pytest.mark.parametrize("method", METHODS)
def test_evaluation_gets_the_classifier_alone(method, weights):
    config = configured(method, "train", 3)
    given = {"guide": weights} if method == "m2m_ldam" else {}
    objective = build(config, image_set(COUNTS), **given)
    left = objective.weights()
    assert left.keys() == objective.classifier.state_dict().keys()
    assert all(torch.equal(left[k], v) for k, v in objective.classifier.state_dict().items())


def test_accuracy_is_a_percentage_of_images():
    scores = torch.tensor([[3.0, 1.0, 2.0], [0.0, 1.0, 5.0], [2.0, 7.0, 1.0], [9.0, 8.0, 7.0]])
    assert float(accuracy(scores, torch.tensor([0, 1, 1, 0]))) == 75
    assert float(accuracy(scores, torch.tensor([1, 1, 2, 2]))) == 0
