"""TSC's loss against a float64 loop over the formulas of paper and code, and its limits."""

import math

import formulas
import pytest
import torch
from formulas import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from cogloat.methods.moco.loss import choose_queue_positives, contrastive_loss
from cogloat.methods.tsc.loss import tsc_loss
from cogloat.models.momentum import LabelQueue

EXACT = {"rtol": 1e-10, "atol": 1e-10}
CODE, PAPER = DIVISORS = ("positives_and_target", "positives")


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 5),
    queue=st.integers(0, 7),
    classes=st.integers(1, 4),
    weight=st.floats(0, 2),
    divisor=st.sampled_from(DIVISORS),
    tau=st.floats(0.05, 1),
    scale=st.none() | st.floats(0.05, 2),
    seed=st.integers(0, 10_000),
)
def test_value_and_gradient_are_those_of_the_formula(
    batch, queue, classes, weight, divisor, tau, scale, seed
):
    """In queries, own keys and targets; each anchor with its temperature; a queue may be empty."""
    draw = torch.Generator().manual_seed(seed)
    found = torch.rand(batch, queue, generator=draw) < 0.4
    assigned = torch.randint(classes, (batch,), generator=draw)
    taus = [tau + 0.1 * i for i in range(batch)]
    keys = unit(queue, 6, seed=seed + 1)
    inputs = (
        unit(batch, 6, seed=seed),
        unit(batch, 6, seed=seed + 2),
        unit(classes, 6, seed=seed + 3),
    )
    one = [x.clone().requires_grad_() for x in inputs]
    two = [x.clone().requires_grad_() for x in inputs]
    temperatures = torch.tensor(taus, dtype=torch.float64)
    loss = tsc_loss(
        one[0],
        one[1],
        keys,
        found,
        one[2],
        assigned,
        temperatures,
        weight,
        divisor,
        None if scale is None else temperatures / scale,
    )
    expected = formulas.tsc(
        two[0], two[1], keys, found, two[2], assigned.tolist(), taus, weight, divisor, scale
    )
    torch.testing.assert_close(loss, expected, **EXACT)
    gradients = torch.autograd.grad(loss, one), torch.autograd.grad(expected, two)
    torch.testing.assert_close(*gradients, **EXACT)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_gradient_is_that_of_finite_differences_in_queries_keys_queue_and_targets(divisor):
    inputs = unit(3, 4, seed=0), unit(3, 4, seed=1), unit(5, 4, seed=2), unit(3, 4, seed=3)
    found = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=torch.bool)
    tau, assigned = torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64), torch.tensor([2, 0, 2])
    assert torch.autograd.gradcheck(
        lambda v, own, queue, t: tsc_loss(v, own, queue, found, t, assigned, tau, 0.2, divisor),
        tuple(x.requires_grad_() for x in inputs),
    )


def log_p_target(v: Tensor, own: Tensor, queue: Tensor, targets: Tensor, tau: float) -> Tensor:
    """Return the one anchor's log p of target 0."""
    logits = torch.cat([targets, own, queue]) @ v[0] / tau
    return logits.log_softmax(dim=0)[0]


@pytest.mark.parametrize(("found", "share"), [(6, 1 / 8), (2, 1 / 4), (0, 1 / 2)])
def test_code_gives_the_target_lambda_over_found_plus_two(found, share):
    """lambda/8 for a head class at k = 6, lambda/2 when nothing is found."""
    v, own, queue, targets = (unit(n, 6, seed=i) for i, n in enumerate((1, 1, 9, 3)))
    mask, target = (torch.arange(9) < found)[None], torch.tensor([0])
    loss, without = (
        tsc_loss(v, own, queue, mask, targets, target, 0.5, weight, CODE) for weight in (0.2, 0.0)
    )
    expected = -0.2 * share * log_p_target(v, own, queue, targets, 0.5)
    torch.testing.assert_close(loss - without, expected, **EXACT)


@pytest.mark.parametrize("found", [6, 2, 0])
def test_paper_gives_the_target_lambda_whatever_is_found(found):
    v, own, queue, targets = (unit(n, 6, seed=i) for i, n in enumerate((1, 1, 9, 3)))
    mask, target = (torch.arange(9) < found)[None], torch.tensor([0])
    loss, without = (
        tsc_loss(v, own, queue, mask, targets, target, 0.5, weight, PAPER) for weight in (0.2, 0.0)
    )
    expected = -0.2 * log_p_target(v, own, queue, targets, 0.5)
    torch.testing.assert_close(loss - without, expected, **EXACT)


@pytest.mark.parametrize("found", [6, 2, 0])
def test_code_without_weight_keeps_the_target_in_the_divisor(found):
    v, own, queue, targets = (unit(n, 6, seed=i) for i, n in enumerate((1, 1, 9, 3)))
    mask, target = (torch.arange(9) < found)[None], torch.tensor([0])
    code, paper = (
        tsc_loss(v, own, queue, mask, targets, target, 0.5, 0.0, divisor) for divisor in DIVISORS
    )
    torch.testing.assert_close(code, paper * (found + 1) / (found + 2), **EXACT)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, derandomize=True)
@given(queue=st.integers(0, 6), classes=st.integers(1, 4), seed=st.integers(0, 10_000))
def test_without_weight_it_is_kcl_with_the_targets_as_further_negatives(queue, classes, seed):
    draw = torch.Generator().manual_seed(seed)
    found = torch.rand(3, queue, generator=draw) < 0.4
    assigned = torch.randint(classes, (3,), generator=draw)
    own, keys, targets = (unit(n, 6, seed=seed + i) for i, n in enumerate((3, queue, classes), 1))
    one = unit(3, 6, seed=seed).requires_grad_()
    two = one.detach().clone().requires_grad_()
    loss = tsc_loss(one, own, keys, found, targets, assigned, 0.1, 0.0, PAPER)
    expected = contrastive_loss(
        two,
        own[:, None],
        torch.cat([keys, targets]),
        0.1,
        F.pad(found, (0, classes)),
        separate=False,
    )
    torch.testing.assert_close(loss, expected, **EXACT)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, two.grad, **EXACT)


def test_weight_one_and_the_divisor_of_the_code_is_kcl_with_the_target_as_a_positive():
    own, keys, targets, v = (unit(3, 6, seed=seed) for seed in range(4))
    found = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=torch.bool)
    assigned = torch.tensor([2, 0, 2])
    loss = tsc_loss(v, own, keys, found, targets, assigned, 0.1, 1.0, CODE)
    positives = torch.cat([found, F.one_hot(assigned, 3).bool()], dim=1)
    expected = contrastive_loss(
        v, own[:, None], torch.cat([keys, targets]), 0.1, positives, separate=False
    )
    torch.testing.assert_close(loss, expected, **EXACT)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_no_queue_leaves_own_key_and_targets(divisor):
    """A batch of one against an empty queue."""
    v, own, targets = unit(1, 6, seed=0), unit(1, 6, seed=1), unit(3, 6, seed=2)
    nothing = torch.zeros(1, 0, dtype=torch.bool)
    loss = tsc_loss(
        v, own, torch.zeros(0, 6).double(), nothing, targets, torch.tensor([1]), 0.1, 0.2, divisor
    )
    logits = (torch.cat([own, targets]) @ v[0] / 0.1)[None]
    to_own, to_target = (F.cross_entropy(logits, torch.tensor([place])) for place in (0, 2))
    expected = to_own + 0.2 * to_target if divisor == PAPER else (to_own + 0.2 * to_target) / 2
    torch.testing.assert_close(loss, expected, **EXACT)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_random_start_of_the_queue_competes_but_is_nobodys_positive(divisor):
    torch.manual_seed(0)
    queue, labels = LabelQueue(6, 4).double(), torch.tensor([0, 1])
    queue.enqueue(unit(2, 4, seed=1), labels)
    v, own, targets = unit(2, 4, seed=0), unit(2, 4, seed=2), unit(3, 4, seed=3)
    chosen = choose_queue_positives(labels, queue.labels, 6, torch.rand(2, 6))
    loss = tsc_loss(v, own, queue.keys, chosen, targets, labels, 0.5, 0.2, divisor)
    found = torch.tensor([[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], dtype=torch.bool)
    expected = formulas.tsc(
        v, own, queue.keys, found, targets, labels.tolist(), [0.5] * 2, 0.2, divisor
    )
    torch.testing.assert_close(loss, expected, **EXACT)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_batch_of_one_class_has_one_target(divisor):
    """Entries of other classes and the other targets compete alone; all entries are found."""
    v, own, targets = unit(4, 6, seed=0), unit(4, 6, seed=1), unit(3, 6, seed=2)
    loss = tsc_loss(
        v,
        own,
        own,
        torch.ones(4, 4, dtype=torch.bool),
        targets,
        torch.full((4,), 2),
        0.5,
        0.2,
        divisor,
    )
    logits = torch.cat([(v * own).sum(1, True), v @ own.T, v @ targets.T], dim=1) / 0.5
    mass = torch.tensor([1.0] * 5 + [0, 0, 0.2], dtype=torch.float64)
    mass = mass / 6 if divisor == CODE else torch.cat([mass[:5] / 5, mass[5:]])
    torch.testing.assert_close(loss, F.cross_entropy(logits, mass.repeat(4, 1)), **EXACT)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_one_temperature_is_that_temperature_for_every_anchor(divisor):
    v, own, queue, targets = (unit(4, 6, seed=seed) for seed in range(4))
    found, assigned = torch.eye(4, dtype=torch.bool), torch.tensor([0, 1, 3, 3])
    each = torch.full((4,), 0.07, dtype=torch.float64)
    one, many = (
        tsc_loss(v, own, queue, found, targets, assigned, tau, 0.2, divisor) for tau in (0.07, each)
    )
    torch.testing.assert_close(one, many, rtol=1e-14, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("tau", [1e-3, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weight", [0.0, 0.2])
def test_extreme_logits_give_finite_values_and_gradients(divisor, tau, dtype, weight):
    """Own keys, found entries and assigned targets equal or opposite to the queries."""
    v = unit(2, 4, seed=0).to(dtype).requires_grad_()
    both = torch.cat([v.detach(), -v.detach()])
    found = torch.eye(4, dtype=torch.bool)[[0, 3]]
    for own in (v.detach(), -v.detach()):
        v.grad = None
        with torch.autograd.set_detect_anomaly(True):
            loss = tsc_loss(v, own, both, found, both, torch.tensor([2, 1]), tau, weight, divisor)
            loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(v.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_target_opposite_to_the_query_costs_lambda_times_the_gap(dtype):
    v = torch.tensor([[1.0, 0.0]], dtype=dtype)
    nothing = torch.zeros(1, 0, dtype=torch.bool)
    loss = tsc_loss(v, v, v[:0], nothing, -v, torch.tensor([0]), 1e-3, 0.2, PAPER)
    assert float(loss) == pytest.approx(0.2 * 2000)


@pytest.mark.parametrize(("divisor", "floor"), [(PAPER, 1.2), (CODE, 3.2 / 4)])
def test_floor_is_log_of_the_number_of_positives_times_the_weights_in_all(divisor, floor):
    """Own key, two found entries and the target tie at the anchor; the rest vanishes."""
    v = F.normalize(torch.ones(1, 4, dtype=torch.float64), dim=1)
    found = torch.tensor([[True, True, False]])
    queue, targets = torch.cat([v, v, -v]), torch.cat([-v, v])
    loss = tsc_loss(v, v, queue, found, targets, torch.tensor([1]), 0.01, 0.2, divisor)
    assert float(loss) == pytest.approx(floor * math.log(4))


@pytest.mark.parametrize("divisor", DIVISORS)
def test_networks_in_bfloat16_leave_the_loss_in_float32(divisor):
    v, own, queue, targets = (unit(n, 64, seed=i).float() for i, n in enumerate((4, 4, 9, 3)))
    found = torch.rand(4, 9, generator=torch.Generator().manual_seed(0)) < 0.4
    arguments = v, own, queue, found, targets, torch.tensor([0, 1, 2, 0]), 0.07, 0.2, divisor
    expected = tsc_loss(*arguments)
    with torch.autocast("cpu", torch.bfloat16):
        loss = tsc_loss(*arguments)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_similarities_stay_in_full_precision_under_autocast():
    queries, own, queue, targets = (unit(4, 16, seed=seed).float() for seed in range(4))
    found, assigned = torch.eye(4, dtype=torch.bool), torch.arange(4)
    inputs = (queries, own, queue, found, targets, assigned, 0.07, 0.2, CODE)
    exact = [x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
    with torch.autocast("cpu", torch.bfloat16):
        loss = tsc_loss(*inputs)
    torch.testing.assert_close(loss.double(), tsc_loss(*exact), rtol=1e-5, atol=1e-5)
