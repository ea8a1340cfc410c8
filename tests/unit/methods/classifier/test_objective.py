"""Classification seen from outside: of which views, by which weights, and what is frozen."""

import formulas
import pytest
import torch
from miniature import (
    BACKBONE,
    DEEPER,
    EITHER,
    Reader,
    as_double,
    build,
    configured,
    for_numbers,
    image_set,
    kept_outputs,
    numbered,
    rows_of,
    save_weights,
)
from torch.nn import functional as F

from cogloat.errors import UserError
from cogloat.methods.classifier.settings import (
    CrossEntropy,
    EffectiveNumber,
    Focal,
    InverseFrequency,
    Ldam,
    LogitAdjusted,
    NoReweighting,
)
from cogloat.models.networks import Classifier

COUNTS = [12, 6, 2]
IMAGES = numbered(COUNTS)
TEST = numbered([5, 5, 5], first=len(IMAGES))
FEATURES, BATCH, EPOCHS = 16, 7, 10  # two batches of seven, one of six

PLAIN_LOSS = CrossEntropy(kind="cross_entropy")
LDAM = Ldam(kind="ldam", scale=9.0, max_margin=0.4)
NONE = NoReweighting(kind="none")
INVERSE = InverseFrequency(kind="inverse_frequency")
DEFERRED = EffectiveNumber(kind="effective_number", beta=0.9, start=0.25)  # from epoch 3: 2.5, up
AT_ONCE = EffectiveNumber(kind="effective_number", beta=0.9, start=0.0)
FIRST = {DEFERRED: 3, AT_ONCE: 0, INVERSE: 0}


def summing_to_classes(raw):
    return [len(COUNTS) * value / sum(raw) for value in raw]


WEIGHTS = {
    INVERSE: summing_to_classes([1 / n for n in COUNTS]),
    DEFERRED: (numbers := summing_to_classes([0.1 / (1 - 0.9**n) for n in COUNTS])),
    AT_ONCE: numbers,
}
MARGINS = [0.4 * (min(COUNTS) / n) ** 0.25 for n in COUNTS]
LOG_SHARES = torch.tensor(COUNTS).double().div(sum(COUNTS)).log()


def readable(stage="train", method="ce", **given):
    """Return an objective whose backbone reads the images' numbers."""
    changes = {
        key: given.pop(key) for key in ("loss", "reweight", "evaluate_every") if key in given
    }
    config = configured(method, stage, len(COUNTS), epochs=EPOCHS, batch_size=BATCH, **changes)
    objective = build(for_numbers(config, weak=EITHER), IMAGES, **given)
    objective.classifier.backbone = Reader(len(IMAGES) + len(TEST), 64, seed=3)
    return objective


def scores_of(objective, table, weight, rows, loss):
    """The head written out: cosines for LDAM, otherwise linear."""
    features = rows_of(table, rows)
    if isinstance(loss, Ldam):
        return F.normalize(features, dim=1) @ F.normalize(weight, dim=1).T
    return features @ weight.T + objective.classifier.head.bias.detach().double()


def expected_loss(scores, labels, loss, weights):
    match loss:
        case Ldam():
            return formulas.cross_entropy(scores, labels, weights, MARGINS, 9.0)
        case Focal(gamma=gamma):
            return formulas.focal(scores, labels, gamma, weights)
        case LogitAdjusted(tau=tau):
            return formulas.cross_entropy(scores + tau * LOG_SHARES, labels, weights)
    return formulas.cross_entropy(scores, labels, weights)


LOSSES = pytest.mark.parametrize(
    ("loss", "reweight"),
    [
        (PLAIN_LOSS, NONE),
        (PLAIN_LOSS, INVERSE),
        (PLAIN_LOSS, AT_ONCE),
        (LDAM, NONE),
        (LDAM, DEFERRED),
        (Focal(kind="focal", gamma=1.5), NONE),
        (Focal(kind="focal", gamma=1.0), DEFERRED),
        (LogitAdjusted(kind="logit_adjusted", tau=1.0), NONE),
        (LogitAdjusted(kind="logit_adjusted", tau=0.5), INVERSE),
    ],
)


@pytest.mark.slow
@LOSSES
def test_every_step_is_the_formula_on_the_scores_of_the_views(loss, reweight):
    """Over the epoch in which deferred weights begin; value, gradient and accuracy."""
    objective = readable(loss=loss, reweight=reweight)
    backbone, head, seen = objective.classifier.backbone, objective.classifier.head, set()
    for epoch in range(1, 6):
        order = objective.order(epoch)
        objective.start_epoch(epoch)
        for step, positions in enumerate(order.split(BATCH)):
            backbone.given.clear()
            objective.zero_grad()
            logged = objective.loss(positions, epoch, step)
            logged["loss"].backward()
            (given,) = backbone.given
            assert given.training
            assert list(given.numbers) == positions.tolist()
            seen.add(given.flipped)
            labels = IMAGES.labels_N[positions].tolist()
            table, weight = as_double(backbone.table), as_double(head.weight)
            scores = scores_of(objective, table, weight, given.rows, loss)
            applies = reweight != NONE and epoch >= FIRST[reweight]
            weights = WEIGHTS[reweight] if applies else None
            expected = expected_loss(scores, labels, loss, weights)
            torch.testing.assert_close(logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
            gradients = torch.autograd.grad(expected, [table, weight])
            ours = [backbone.table.grad.double(), head.weight.grad.double()]
            torch.testing.assert_close(ours, list(gradients), rtol=1e-4, atol=1e-5)
            right = [int(row.argmax()) == y for row, y in zip(scores, labels, strict=True)]
            assert float(logged["train_accuracy"]) == pytest.approx(100 * sum(right) / len(right))
    assert len(seen) > 10  # of 15 steps: another augmentation in each


@LOSSES
def test_scores_in_bfloat16_are_compared_in_float32(loss, reweight):
    objective = readable(loss=loss, reweight=reweight)
    scores = kept_outputs(objective.classifier.head)
    with torch.autocast("cpu", torch.bfloat16):
        logged = objective.loss(torch.arange(len(IMAGES)), 9, 0)
    assert logged["loss"].dtype == torch.float32
    weights = WEIGHTS.get(reweight)
    expected = expected_loss(scores[0].double(), IMAGES.labels_N.tolist(), loss, weights)
    torch.testing.assert_close(logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
    assert loss == LDAM or scores[0].dtype == torch.bfloat16


def test_the_prior_of_logit_adjustment_is_left_out_of_the_test():
    loss = LogitAdjusted(kind="logit_adjusted", tau=1.0)
    plain, adjusted = (
        readable(loss=one, evaluate_every=1, test=TEST) for one in (PLAIN_LOSS, loss)
    )
    assert plain.end_epoch(0) == adjusted.end_epoch(0)


# --- on a frozen backbone ---


@pytest.fixture
def encoder(tmp_path):
    torch.manual_seed(1)
    return Classifier(BACKBONE, len(COUNTS), "linear"), tmp_path / "weights.pt"


def test_a_finetune_stage_begins_with_the_encoders_backbone_and_trains_the_head_alone(encoder):
    trained, path = encoder
    images = image_set(COUNTS)
    config = configured("kcl", "finetune", len(COUNTS))
    objective = build(config, images, test=images, encoder=save_weights(path, trained))
    backbone = objective.classifier.backbone
    before = {name: value.clone() for name, value in trained.backbone.state_dict().items()}
    objective.loss(torch.arange(len(images)), 0, 0)["loss"].backward()
    objective.end_epoch(config.settings.epochs - 1)
    objective.train()
    assert objective.classifier.training
    assert not any(module.training for module in backbone.modules())
    assert all(torch.equal(before[name], value) for name, value in backbone.state_dict().items())
    trainable = [name for name, w in objective.named_parameters() if w.requires_grad]
    assert trainable == ["classifier.head.weight"]  # LDAM's cosine classifier has no bias


def test_end_to_end_training_trains_everything():
    images = image_set(COUNTS)
    objective = build(configured("ce", "train", len(COUNTS)), images)
    objective.loss(torch.arange(len(images)), 0, 0)["loss"].backward()
    assert all(weight.grad is not None for weight in objective.parameters())
    for mode in (False, True):
        objective.train(mode)
        assert {module.training for module in objective.modules()} == {mode}


def test_features_of_a_frozen_backbone_are_computed_once_and_scored_anew(encoder):
    trained, path = encoder
    objective = readable(
        "finetune", "kcl", evaluate_every=1, test=TEST, encoder=save_weights(path, trained)
    )
    backbone, head = objective.classifier.backbone, objective.classifier.head
    measured, graphs = [], []
    head.register_forward_hook(lambda _, __, scores: graphs.append(scores.requires_grad))
    for epoch in range(4):
        head.weight.data.copy_(formulas.unit(3, 64, seed=epoch))
        measured.append(objective.end_epoch(epoch)["test_accuracy"])
        features = backbone.table[0, len(IMAGES) :].detach()
        right = (features @ head.weight.T).argmax(dim=1) == TEST.labels_N
        assert measured[-1] == pytest.approx(100 * float(right.double().mean()))
    assert len(set(measured)) > 1
    assert graphs == [False] * 4
    (given,) = backbone.given
    assert list(given.numbers) == list(range(len(IMAGES), len(IMAGES) + len(TEST)))
    assert not any((given.training, given.gradient, *given.flipped))


def test_missing_or_foreign_encoder_is_named(tmp_path):
    config = configured("kcl", "finetune", len(COUNTS))
    with pytest.raises(UserError, match=r"none\.pt: the weights file is missing"):
        build(config, image_set(COUNTS), encoder=tmp_path / "none.pt")
    other = save_weights(tmp_path / "other.pt", Classifier(DEEPER, len(COUNTS), "linear"))
    with pytest.raises(UserError, match=r"other\.pt: these weights are of another network"):
        build(config, image_set(COUNTS), encoder=other)
