"""The objectives against their parts put together by hand, and what a step does to the state."""

import copy

import miniature
import pytest
import torch
from miniature import image_set
from torch.nn import functional as F

from cogloat.config.schema import (
    AdaptiveTemperature,
    ConstantTemperature,
    Positives,
    RunConfig,
)
from cogloat.data.imageset import ImageSet
from cogloat.errors import UserError
from cogloat.objectives import contrastive

BATCH = 8
COUNTS = [20, 10, 6]


def configured(method: str, **changes: object) -> RunConfig:
    small = {"batch_size": BATCH, "queue": 4 * BATCH, "projection": (16, 8), "key_momentum": 0.5}
    return miniature.configured(method, "pretrain", len(COUNTS), **(small | changes))


@pytest.fixture
def images() -> ImageSet:
    return image_set(COUNTS)


def build(method: str, images: ImageSet, **changes: object) -> contrastive.Contrastive:
    return miniature.build(configured(method, **changes), images, coreset=images)


POSITIONS = torch.arange(0, 4 * BATCH, 4)


@pytest.mark.parametrize("method", ["kcl", "cogloat", "cogloat_proco"])
def test_a_step_moves_the_key_encoder_by_momentum_and_fills_the_queue(method, images):
    objective = build(method, images)
    query = copy.deepcopy(objective.query)
    for weight in objective.query.parameters():
        weight.data += 1
    before = copy.deepcopy(objective.key)
    objective.loss(POSITIONS, 0, 0)["loss"].backward()
    for new, old, target in zip(
        objective.key.parameters(), before.parameters(), query.parameters(), strict=True
    ):
        torch.testing.assert_close(new, 0.5 * old + 0.5 * (target + 1))
        assert new.grad is None
    assert all(weight.grad is not None for weight in objective.query.parameters())
    assert objective.queue.labels.tolist() == [*images.labels_N[POSITIONS], *[-1] * (3 * BATCH)]
    torch.testing.assert_close(objective.queue.keys.norm(dim=1), torch.ones(4 * BATCH))


def test_the_loss_is_eq_1_on_the_embeddings(images):
    objective = build("cogloat", images)
    other = copy.deepcopy(objective)
    views = other._embed(POSITIONS, 0, 0)
    query, positives = views.queries_ABD[0].double(), views.positives_BPD.double()
    queue = objective.queue.keys.double()
    total = 0.0
    for anchor, position in enumerate(POSITIONS):
        count = COUNTS[images.labels_N[position]]
        tau = 0.07 + (1 - 0.07) * count / max(COUNTS)
        negatives = sum(torch.exp(query[anchor] @ key / tau) for key in queue)
        for positive in positives[anchor]:
            e = torch.exp(query[anchor] @ positive / tau)
            total -= torch.log(e / (e + negatives)) / len(positives[anchor])
    loss = objective.loss(POSITIONS, 0, 0)["loss"]
    torch.testing.assert_close(loss.double(), total / BATCH, rtol=1e-5, atol=1e-6)


def test_the_joint_loss_is_the_weighted_sum_of_its_terms(images):
    objective = build("cogloat_proco", images)
    terms = objective.loss(POSITIONS, 0, 0)
    expected = 0.8 * terms["contrastive_loss"] + 0.2 * terms["prototype_loss"]
    torch.testing.assert_close(terms["loss"], expected)


def test_prototypes_are_two_views_and_change_only_between_epochs(images):
    objective = build("cogloat_proco", images)
    first, second = objective.prototypes_QCD
    assert not torch.allclose(first, second)
    kept = objective.prototypes_QCD.clone()
    objective.loss(POSITIONS, 0, 0)
    assert torch.equal(objective.prototypes_QCD, kept)
    objective.start_epoch(1)
    assert not torch.equal(objective.prototypes_QCD, kept)


def test_refreshing_prototypes_leaves_batch_norm_statistics_alone(images):
    objective = build("cogloat_proco", images)
    before = copy.deepcopy(objective.key.state_dict())
    objective.start_epoch(1)
    after = objective.key.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert objective.key.training


@pytest.mark.parametrize("views", [1, 2])
def test_both_views_of_the_query_get_a_gradient_if_asked(images, views):
    settings = configured("cogloat_proco").settings.prototypes
    objective = build(
        "cogloat_proco", images, prototypes=settings.model_copy(update={"query_views": views})
    )
    embedded = objective._embed(POSITIONS, 0, 0)
    assert embedded.queries_ABD.shape == (views, BATCH, 8)
    assert embedded.queries_ABD.requires_grad


@pytest.mark.parametrize("negatives", ["batch", "both", "queue"])
@pytest.mark.parametrize("splits", [1, 2])
@pytest.mark.parametrize("joint", [True, False])
def test_every_choice_of_negatives_and_batch_norm_trains(images, negatives, splits, joint):
    objective = build(
        "cogloat", images, negatives=negatives, batch_norm_splits=splits, joint_views=joint
    )
    loss = objective.loss(POSITIONS, 0, 0)["loss"]
    loss.backward()
    assert torch.isfinite(loss)


def test_an_anchors_own_key_is_not_among_its_batch_negatives(images):
    objective = build("cogloat", images, negatives="batch")
    other = copy.deepcopy(objective)
    views = other._embed(POSITIONS, 0, 0)
    query, positives = views.queries_ABD[0], views.positives_BPD
    total = torch.zeros(())
    for anchor, position in enumerate(POSITIONS):
        tau = 0.07 + (1 - 0.07) * COUNTS[images.labels_N[position]] / max(COUNTS)
        others = [key for j, key in enumerate(positives[:, 0]) if j != anchor]
        for positive in positives[anchor]:
            logits = torch.stack([positive, *others]) @ query[anchor] / tau
            total = total - F.log_softmax(logits, dim=0)[0] / positives.shape[1]
    torch.testing.assert_close(objective.loss(POSITIONS, 0, 0)["loss"], total / BATCH)


def test_the_state_dictionary_is_all_the_state(images):
    objective = build("cogloat_proco", images)
    objective.loss(POSITIONS, 0, 0)
    other = build("cogloat_proco", images)
    for weight in other.parameters():
        weight.data.zero_()
    other.load_state_dict(objective.state_dict())
    one, two = (o.loss(POSITIONS, 0, 1)["loss"] for o in (objective, other))
    assert torch.equal(one, two)


def test_prototypes_without_a_coreset_are_refused(images):
    with pytest.raises(UserError, match=r"cogloat_proco: its prototypes need .* Give --coreset"):
        miniature.build(configured("cogloat_proco"), images)


@pytest.mark.parametrize("batches", [2, 4, 12])
def test_a_queue_filled_before_the_first_step_holds_keys_of_passes_over_the_images(images, batches):
    """36 images give 4 whole batches a pass; the last batches are those that stay."""
    objective = build("kcl", images, queue=batches * BATCH, queue_prefill=True)
    labels = objective.queue.labels
    torch.testing.assert_close(objective.queue.keys.norm(dim=1), torch.ones(batches * BATCH))
    for start in range(0, batches * BATCH, 4 * BATCH):
        in_a_pass = torch.bincount(labels[start : start + 4 * BATCH], minlength=3)
        assert (in_a_pass <= torch.tensor(COUNTS)).all()
    assert (labels >= 0).all()
    again = build("kcl", images, queue=batches * BATCH, queue_prefill=True)
    assert torch.equal(objective.queue.keys, again.queue.keys)
    kept = objective.queue.keys.clone()
    objective.start_epoch(1)
    assert torch.equal(objective.queue.keys, kept)


CONSTANT = ConstantTemperature(kind="constant", value=0.07)
ADAPTIVE = AdaptiveTemperature(kind="adaptive", gamma=0.07)
KCL = {
    name: getattr(configured("kcl").settings, name)
    for name in ("positives", "denominator", "temperature")
}
ABLATIONS = {
    "adaptive temperature alone": ("kcl", {"temperature": ADAPTIVE}),
    "prototypes alone": ("cogloat_proco", KCL | {"temperature": CONSTANT}),
    "global selection alone": ("cogloat", {"temperature": CONSTANT}),
    "supervised": ("cogloat", {"positives": Positives(from_dataset=3, from_queue="all")}),
    "k-positive": ("cogloat", {"positives": Positives(from_dataset=3, from_queue=2)}),
    "unsupervised": ("cogloat", {}),
}


def test_every_ablation_of_the_paper_is_a_configuration_of_its_own(images):
    losses = {}
    for name, (method, changes) in ABLATIONS.items():
        objective = build(method, images, **changes)
        objective.loss(POSITIONS, 0, 0)  # fills the queue with labels
        objective.start_epoch(1)
        loss = objective.loss(POSITIONS, 1, 0)["loss"]
        loss.backward()
        losses[name] = round(float(loss.detach()), 4)
    assert len(set(losses.values())) == len(ABLATIONS), losses
