"""PaCo's steps seen from outside: its two views, its queue, its momentum twin, one softmax."""

import formulas
import pytest
import torch
from miniature import (
    EITHER,
    FLIPPED,
    Reader,
    as_double,
    build,
    configured,
    for_numbers,
    image_set,
    kept_outputs,
    numbered,
    rows_of,
)
from torch import nn

from cogloat.models.normalisation import BatchNorm

COUNTS = [13, 6, 5]
IMAGES = numbered(COUNTS)
BATCH, QUEUE, FEATURES, DIMENSION = 4, 12, 64, 6
SMALL = {"batch_size": BATCH, "queue": QUEUE, "projection": (16, DIMENSION), "key_momentum": 0.75}


def readable(query=(), key=EITHER, **changes):
    """Return an objective whose backbones read numbers, with projections that are linear."""
    config = configured("paco", "train", len(COUNTS), **(SMALL | changes))
    config = for_numbers(config, strong=query, contrastive_strong=key)
    objective = build(config, IMAGES)
    torch.manual_seed(5)
    objective.classifier.backbone = Reader(len(IMAGES), FEATURES, seed=1)
    objective.projection = nn.Linear(FEATURES, DIMENSION, bias=False)
    objective.key.backbone = Reader(len(IMAGES), FEATURES, seed=2).requires_grad_(False)
    objective.key.projection = nn.Linear(FEATURES, DIMENSION, bias=False).requires_grad_(False)
    return objective


def learn(objective, number):
    """Give the trained networks other weights, as an optimizer's step does."""
    draw = torch.Generator().manual_seed(number)
    for network in (objective.classifier, objective.projection):
        for weight in network.parameters():
            weight.data.copy_(torch.randn(weight.shape, generator=draw) / weight.shape[-1] ** 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 2])
def test_every_step_is_the_formula_on_scores_batch_keys_and_queue(groups):
    """Value and gradient in three epochs; the keys are those of the moved twin, then queued.

    In groups, a query meets the queries and keys of its group, and keys are embedded shuffled.
    """
    alpha, tau = 0.2, 0.4
    objective = readable(alpha=alpha, temperature=tau, groups=groups)
    shuffled = 0
    backbone, head = objective.classifier.backbone, objective.classifier.head
    queue, queue_labels = objective.queue.keys.double(), objective.queue.labels.tolist()
    oldest = number = 0
    for epoch in range(3):
        order = objective.order(epoch)
        objective.start_epoch(epoch)
        for step, positions in enumerate(order.split(BATCH)):
            learn(objective, number := number + 1)
            objective.zero_grad()
            backbone.given.clear()
            objective.key.backbone.given.clear()
            twin = [
                (0.75 * key.double() + 0.25 * query.double()).detach()
                for key, query in (
                    (objective.key.backbone.table, backbone.table),
                    (objective.key.projection.weight, objective.projection.weight),
                )
            ]

            logged = objective.loss(positions, epoch, step)
            logged["loss"].backward()

            torch.testing.assert_close(objective.key.backbone.table.double(), twin[0])
            torch.testing.assert_close(objective.key.projection.weight.double(), twin[1])
            (asked,), (answered,) = backbone.given, objective.key.backbone.given
            batch = positions.tolist()
            assert list(asked.numbers) == batch
            order_of_keys = [answered.numbers.index(number) for number in batch]
            shuffled += order_of_keys != [0, 1, 2, 3]
            assert asked.training
            assert answered.training
            assert not answered.gradient
            labels = IMAGES.labels_N[positions].tolist()
            leaves = [
                as_double(w)
                for w in (backbone.table, objective.projection.weight, head.weight, head.bias)
            ]
            table, projection, weight, bias = leaves
            features = rows_of(table, asked.rows)
            keys = rows_of(twin[0], answered.rows)[order_of_keys] @ twin[1].T
            queries, scores = features @ projection.T, features @ weight.T + bias
            of_groups = []
            for own in torch.arange(BATCH).chunk(groups):
                own_labels = [labels[row] for row in own]
                of_groups.append(
                    formulas.paco(
                        queries[own],
                        torch.cat([queries[own], keys[own], queue]),
                        own_labels,
                        own_labels + own_labels + queue_labels,
                        scores[own],
                        COUNTS,
                        alpha,
                        tau,
                    )
                )
            expected = torch.stack(of_groups).mean()
            torch.testing.assert_close(logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
            ours = [backbone.table, objective.projection.weight, head.weight, head.bias]
            gradients = torch.autograd.grad(expected, leaves)
            for one, gradient in zip(ours, gradients, strict=True):
                torch.testing.assert_close(one.grad.double(), gradient, rtol=1e-4, atol=1e-5)
            right = (scores.argmax(dim=1) == torch.tensor(labels)).double().mean()
            assert float(logged["train_accuracy"]) == pytest.approx(100 * float(right))
            for row in range(BATCH):
                queue[(oldest + row) % QUEUE] = keys[row]
                queue_labels[(oldest + row) % QUEUE] = labels[row]
            oldest += BATCH
            torch.testing.assert_close(objective.queue.keys.double(), queue, rtol=1e-5, atol=1e-5)
            assert objective.queue.labels.tolist() == queue_labels
    assert (shuffled > 0) == (groups > 1)


def test_networks_in_bfloat16_are_compared_in_float32():
    objective = readable(alpha=0.2, temperature=0.4)
    networks = objective.projection, objective.key.projection, objective.classifier.head
    kept = [kept_outputs(network) for network in networks]
    positions, other = torch.arange(BATCH), torch.arange(BATCH, 2 * BATCH)
    labels = IMAGES.labels_N.tolist()
    for batch in (positions, other):
        queue, queue_labels = objective.queue.keys.double(), objective.queue.labels.tolist()
        with torch.autocast("cpu", torch.bfloat16):
            loss = objective.loss(batch, 0, 0)["loss"]
        own = [labels[position] for position in batch]
        assert {outputs[-1].dtype for outputs in kept} == {torch.bfloat16}
        queries, keys, scores = (outputs[-1].double() for outputs in kept)
        expected = formulas.paco(
            queries,
            torch.cat([queries, keys, queue]),
            own,
            own + own + queue_labels,
            scores,
            COUNTS,
            0.2,
            0.4,
        )
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("query", "key"), [((), FLIPPED), (FLIPPED, ())])
def test_query_and_key_have_views_of_their_own_augmentations(query, key):
    objective = readable(query, key)
    for epoch, step in ((0, 0), (2, 3)):
        objective.loss(torch.arange(BATCH), epoch, step)
    asked, answered = objective.classifier.backbone.given, objective.key.backbone.given
    assert [set(given.flipped) for given in asked] == [{query == FLIPPED}] * 2
    assert [set(given.flipped) for given in answered] == [{key == FLIPPED}] * 2


def test_draws_of_query_and_key_differ_within_a_step_and_between_steps_and_epochs():
    objective = readable(EITHER, EITHER)
    for epoch, step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        objective.loss(torch.arange(BATCH), epoch, step)
    asked, answered = objective.classifier.backbone.given, objective.key.backbone.given
    patterns = [torch.tensor([given.flipped for given in views]) for views in (asked, answered)]
    assert not torch.equal(*patterns)
    assert all(len(pattern.unique(dim=0)) > 2 for pattern in patterns)


def test_the_queue_begins_with_random_classes_or_with_none():
    labels = readable(queue=64 * BATCH).queue.labels
    assert set(labels.tolist()) == {0, 1, 2}
    assert readable(queue_labels="none").queue.labels.tolist() == [-1] * QUEUE


def test_the_twin_begins_equal_and_is_not_trained_and_all_else_is():
    config = configured("paco", "train", len(COUNTS), **SMALL)
    objective = build(config, image_set(COUNTS))
    heads = (objective.projection, objective.key.projection)
    assert [sum(isinstance(part, BatchNorm) for part in own.modules()) for own in heads] == [1, 1]
    pairs = (
        (objective.key.backbone, objective.classifier.backbone),
        (objective.key.projection, objective.projection),
    )
    for twin, query in pairs:
        for one, two in zip(twin.parameters(), query.parameters(), strict=True):
            assert torch.equal(one, two)
    objective.loss(torch.arange(BATCH), 0, 0)["loss"].backward()
    frozen = {name for name, weight in objective.named_parameters() if weight.grad is None}
    assert frozen == {f"key.{name}" for name, _ in objective.key.named_parameters()}
    assert not any(weight.requires_grad for weight in objective.key.parameters())


def test_the_state_dictionary_is_all_the_state():
    config = configured("paco", "train", len(COUNTS), **SMALL)
    one, two = (build(config, image_set(COUNTS)) for _ in range(2))
    one.loss(torch.arange(BATCH), 0, 0)
    for weight in two.parameters():
        weight.data.zero_()
    two.load_state_dict(one.state_dict())
    losses = [objective.loss(torch.arange(BATCH), 1, 3)["loss"] for objective in (one, two)]
    assert torch.equal(*losses)


@pytest.mark.parametrize(("init", "last"), [("kaiming", 2), ("torch", 1 / 3)])
def test_layers_begin_as_in_the_official_code(init, last):
    """Its backbone and the projection's last layer are Kaiming-normal, the others PyTorch's own.

    Variances times fan-in; of a wide projection, for the law to show.
    """
    config = configured("paco", "train", 100, **SMALL | {"projection": (64, 256), "init": init})
    objective = build(config, image_set([2] * 100))
    deep = objective.classifier.backbone.blocks[-1].conv2.weight
    first, final = objective.projection.layers[0].weight, objective.projection.layers[-1].weight
    expected = {deep: last, final: last, first: 1 / 3, objective.classifier.head.weight: 1 / 3}
    for weight, variance in expected.items():
        spread = float(weight.detach().var()) * weight[0].numel()
        assert spread == pytest.approx(variance, rel=0.1)
    assert torch.equal(objective.key.projection.layers[-1].weight, final)
