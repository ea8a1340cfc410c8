"""PaCo's loss against a float64 loop over the formula, and its limits."""

import math

import formulas
import pytest
import torch
from formulas import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.paco.loss import paco_loss
from cogloat.models.momentum import LabelQueue

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 5),
    keys=st.booleans(),
    queue=st.integers(0, 6),
    classes=st.integers(1, 4),
    alpha=st.floats(0, 1),
    tau=st.floats(0.05, 1),
    seed=st.integers(0, 10_000),
)
def test_value_and_gradient_are_those_of_the_formula(batch, keys, queue, classes, alpha, tau, seed):
    """Queries as anchors, queries as others, and scores; a queue may be empty or partly filled."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (batch,), generator=draw)
    queued = torch.randint(-1, classes, (queue,), generator=draw)
    other_labels = torch.cat([labels, labels, queued] if keys else [labels, queued])
    counts = torch.randint(1, 500, (classes,), generator=draw)
    rest = unit(len(other_labels) - batch, 6, seed=seed + 1)
    inputs = (
        unit(batch, 6, seed=seed),
        unit(batch, 6, seed=seed),
        3 * torch.randn(batch, classes, generator=draw, dtype=torch.float64),
    )
    one = [x.clone().requires_grad_() for x in inputs]
    two = [x.clone().requires_grad_() for x in inputs]
    adjusted = one[2] + (counts.double() / counts.sum()).log()
    loss = paco_loss(one[0], torch.cat([one[1], rest]), labels, other_labels, adjusted, alpha, tau)
    expected = formulas.paco(
        two[0],
        torch.cat([two[1], rest]),
        labels.tolist(),
        other_labels.tolist(),
        two[2],
        counts.tolist(),
        alpha,
        tau,
    )
    torch.testing.assert_close(loss, expected, **EXACT)
    ours = torch.autograd.grad(loss, one)
    theirs = torch.autograd.grad(expected, two, materialize_grads=True)  # alone: no similarity
    torch.testing.assert_close(ours, theirs, **EXACT)


def test_gradient_reaches_a_query_as_anchor_and_as_other():
    """One tensor in both places has the sum of both gradients."""
    labels, other_labels = torch.tensor([0, 1, 0]), torch.tensor([0, 1, 0, 0, 1, 0, 1, -1])
    rest, adjusted = unit(5, 4, seed=1), unit(3, 2, seed=2)

    def loss(queries: Tensor, others: Tensor) -> Tensor:
        everyone = torch.cat([others, rest])
        return paco_loss(queries, everyone, labels, other_labels, adjusted, 0.5, 0.2)

    both = unit(3, 4, seed=0).requires_grad_()
    loss(both, both).backward()
    apart = [unit(3, 4, seed=0).requires_grad_() for _ in range(2)]
    loss(*apart).backward()
    assert all(float(x.grad.abs().max()) > 0 for x in apart)
    torch.testing.assert_close(both.grad, apart[0].grad + apart[1].grad)


def test_gradient_is_that_of_finite_differences_in_queries_others_and_scores():
    labels, other_labels = torch.tensor([0, 1, 0]), torch.tensor([0, 1, 0, 0, 1, 0, 1, -1])
    inputs = unit(3, 4, seed=0), unit(8, 4, seed=1), unit(3, 2, seed=2)
    assert torch.autograd.gradcheck(
        lambda q, o, s: paco_loss(q, o, labels, other_labels, s, 0.3, 0.2),
        tuple(x.requires_grad_() for x in inputs),
    )


def test_alpha_zero_is_balanced_softmax_plus_log_ratio_of_the_extended_denominator():
    """The pairs are left in the denominator alone."""
    counts, labels = torch.tensor([500, 40, 3]), torch.tensor([0, 2, 1, 0])
    other_labels = torch.cat([labels, labels, torch.tensor([2, -1, 0])])
    queries, scores = unit(4, 6, seed=0), unit(4, 3, seed=2)
    others, tau = torch.cat([queries, unit(7, 6, seed=1)]), 0.5
    adjusted = scores + log_prior(counts).double()
    loss = paco_loss(queries, others, labels, other_labels, adjusted, 0.0, tau)
    ratios = []
    for i in range(4):
        classes = sum(float(s.exp()) for s in adjusted[i])
        pairs = sum(math.exp(float(queries[i] @ o) / tau) for a, o in enumerate(others) if a != i)
        ratios.append(math.log((classes + pairs) / classes))
    balanced_softmax = F.cross_entropy(adjusted, labels)
    assert float(loss) == pytest.approx(float(balanced_softmax) + sum(ratios) / 4, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_nothing_but_itself_is_balanced_softmax(alpha):
    """A batch of one without keys and queue: the similarity with itself takes no part."""
    query, scores, prior = (
        unit(1, 6, seed=0),
        unit(1, 3, seed=1),
        log_prior(torch.tensor([9, 5, 1])),
    )
    label = torch.tensor([2])
    loss = paco_loss(query, query, label, label, scores + prior, alpha, 0.05)
    torch.testing.assert_close(loss, F.cross_entropy(scores + prior, label))


@pytest.mark.parametrize("alpha", [0.01, 1.0])
def test_query_without_any_pair_has_the_class_term_alone(alpha):
    """One image a class, no keys, and a queue of other classes."""
    labels, queued = torch.tensor([0, 1, 2]), torch.tensor([3, -1, 3])
    queries, queue, adjusted = unit(3, 6, seed=0), unit(3, 6, seed=1), unit(3, 4, seed=2)
    inputs = [queries.requires_grad_(), adjusted.requires_grad_()]
    with torch.autograd.set_detect_anomaly(True):
        loss, bare = (
            paco_loss(
                queries,
                torch.cat([queries, queue]),
                labels,
                torch.cat([labels, queued]),
                adjusted,
                weight,
                0.05,
            )
            for weight in (alpha, 0.0)
        )
        gradients = torch.autograd.grad(loss, inputs)
        expected = torch.autograd.grad(bare, inputs)
    torch.testing.assert_close(loss, bare, rtol=0, atol=0)
    torch.testing.assert_close(gradients, expected, rtol=0, atol=0)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("label", [0, 1])
def test_batch_of_one_class_is_all_pairs(label):
    """Every term has one divisor: the class's weight 1, and alpha for each of the five others."""
    labels = torch.full((3,), label)
    queries, keys, adjusted = unit(3, 6, seed=0), unit(3, 6, seed=1), unit(3, 2, seed=2)
    others = torch.cat([queries, keys])
    loss = paco_loss(queries, others, labels, labels.repeat(2), adjusted, 0.25, 0.5)
    logits = torch.cat([adjusted, queries @ others.T / 0.5], dim=1)
    logits[range(3), range(2, 5)] = -torch.inf
    target = torch.full_like(logits, 0.25)
    target[:, :2] = F.one_hot(labels, 2)
    target[range(3), range(2, 5)] = 0
    target, log_p = target / (1 + 0.25 * 5), logits.log_softmax(dim=1)
    expected = -torch.where(target > 0, target * log_p, 0.0).sum(dim=1).mean()
    torch.testing.assert_close(loss, expected)


def test_class_absent_from_batch_and_queue_is_its_score_in_the_denominator():
    queries, others, labels = unit(2, 6, seed=0), unit(2, 6, seed=1), torch.tensor([0, 0])
    others, other_labels = torch.cat([queries, others]), torch.zeros(4, dtype=torch.long)
    adjusted = unit(2, 3, seed=2)
    away = adjusted.clone()
    away[:, 1:] = -torch.inf
    present = paco_loss(queries, others, labels, other_labels, adjusted, 0.1, 0.5)
    absent = paco_loss(queries, others, labels, other_labels, away, 0.1, 0.5)
    difference = 0.0
    for i in range(2):
        rest = float(adjusted[i, 0].exp()) + sum(
            math.exp(float(queries[i] @ o) / 0.5) for a, o in enumerate(others) if a != i
        )
        difference += math.log1p(float(adjusted[i, 1:].exp().sum()) / rest) / 2
    assert float(present - absent) == pytest.approx(difference, rel=1e-10)


def test_random_start_of_the_queue_competes_but_is_nobodys_pair():
    torch.manual_seed(0)
    queue, labels = LabelQueue(6, 4).double(), torch.tensor([0, 1])
    queue.enqueue(unit(2, 4, seed=1), labels)
    queries, adjusted = unit(2, 4, seed=0), unit(2, 3, seed=2)

    def loss(queue_labels: Tensor, keys: Tensor) -> Tensor:
        everyone = torch.cat([queries, keys])
        return paco_loss(
            queries, everyone, labels, torch.cat([labels, queue_labels]), adjusted, 0.5, 0.5
        )

    partly = loss(queue.labels, queue.keys)
    torch.testing.assert_close(partly, loss(torch.tensor([0, 1, 2, 2, 2, 2]), queue.keys))
    assert float(partly) > float(loss(queue.labels[:2], queue.keys[:2]))


@pytest.mark.parametrize("tau", [1e-3, 1e3])
@pytest.mark.parametrize("size", [0.0, 1e4])
@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_give_finite_values_and_gradients(tau, size, alpha, dtype):
    """Keys equal or opposite to the queries; the true class's score at either end."""
    queries = unit(3, 4, seed=0).to(dtype).requires_grad_()
    scores = (size * torch.tensor([[1, -1], [1, -1], [-1, 1]])).to(dtype).requires_grad_()
    rest = torch.cat([queries.detach(), -queries.detach()])
    labels, queued = torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0, 0, 1, -1])
    with torch.autograd.set_detect_anomaly(True):
        loss = paco_loss(
            queries,
            torch.cat([queries, rest]),
            labels,
            torch.cat([labels, queued]),
            scores,
            alpha,
            tau,
        )
        loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(queries.grad).all()
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_score_far_below_another_costs_the_gap(dtype):
    query, label = unit(1, 4, seed=0).to(dtype), torch.tensor([1])
    scores = torch.tensor([[1e4, -1e4]], dtype=dtype)
    loss = paco_loss(query, query, label, label, scores, 1.0, 0.05)
    assert float(loss) == 2e4


def test_networks_in_bfloat16_leave_the_loss_in_float32():
    queries, keys, adjusted = (unit(*shape, seed=7).float() for shape in ((4, 64), (9, 64), (4, 3)))
    labels = torch.tensor([0, 1, 2, 0])
    arguments = (
        queries,
        torch.cat([queries, keys]),
        labels,
        torch.arange(13) % 3,
        adjusted,
        0.1,
        0.05,
    )
    expected = paco_loss(*arguments)
    with torch.autocast("cpu", torch.bfloat16):
        loss = paco_loss(*arguments)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000))
def test_order_of_anchors_and_of_keys_does_not_matter(seed):
    draw = torch.Generator().manual_seed(seed)
    queries, keys, adjusted = unit(5, 4, seed=seed), unit(7, 4, seed=seed + 1), unit(5, 3, seed=2)
    labels = torch.randint(3, (5,), generator=draw)
    queued = torch.randint(-1, 3, (7,), generator=draw)
    rows, columns = torch.randperm(5, generator=draw), torch.randperm(7, generator=draw)
    one, two = (
        paco_loss(
            queries[r],
            torch.cat([queries[r], keys[c]]),
            labels[r],
            torch.cat([labels[r], queued[c]]),
            adjusted[r],
            0.3,
            0.1,
        )
        for r, c in ((torch.arange(5), torch.arange(7)), (rows, columns))
    )
    torch.testing.assert_close(one, two)


def test_similarities_stay_in_full_precision_under_autocast():
    queries, keys = unit(4, 16, seed=1).float(), unit(4, 16, seed=2).float()
    labels, scores = torch.tensor([0, 1, 0, 1]), torch.zeros(4, 2)
    inputs = (queries, torch.cat([queries, keys]), labels, labels.repeat(2), scores, 0.5, 0.05)
    exact = [x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
    with torch.autocast("cpu", torch.bfloat16):
        loss = paco_loss(*inputs)
    torch.testing.assert_close(loss.double(), paco_loss(*exact), rtol=1e-5, atol=1e-5)
