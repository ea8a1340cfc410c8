import math

import formulas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cogloat.data.longtail import class_counts
from cogloat.methods.classifier.loss import (
    effective_number_weights,
    focal_loss,
    inverse_frequency_weights,
    ldam_loss,
    ldam_margins,
    log_prior,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 6),
    classes=st.integers(1, 5),
    scale=st.floats(1, 30),
    weighted=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_ldam_value_and_gradient_are_those_of_the_formula(batch, classes, scale, weighted, seed):
    draw = torch.Generator().manual_seed(seed)
    one = (torch.rand(batch, classes, generator=draw, dtype=torch.float64) * 2 - 1).requires_grad_()
    two = one.detach().clone().requires_grad_()
    labels = torch.randint(classes, (batch,), generator=draw)
    counts = torch.randint(1, 500, (classes,), generator=draw)
    margins = ldam_margins(counts, 0.5).double()
    weights = inverse_frequency_weights(counts).double() if weighted else None
    loss = ldam_loss(one, labels, margins, scale, weights)
    expected = formulas.cross_entropy(
        two, labels, None if weights is None else weights.tolist(), margins.tolist(), scale
    )
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, two.grad)


def test_ldam_gradient_is_that_of_finite_differences():
    cosines = torch.linspace(-1, 1, 12, dtype=torch.float64).view(4, 3).requires_grad_()
    counts, labels = torch.tensor([50, 7, 1]), torch.tensor([0, 1, 2, 2])
    margins, weights = ldam_margins(counts, 0.5).double(), inverse_frequency_weights(counts)
    assert torch.autograd.gradcheck(
        lambda z: ldam_loss(z, labels, margins, 5, weights.double()), cosines
    )


def test_ldam_without_margins_is_scaled_cross_entropy():
    cosines, labels = torch.linspace(-1, 1, 12).view(4, 3), torch.tensor([0, 1, 2, 2])
    expected = F.cross_entropy(30 * cosines, labels)
    torch.testing.assert_close(ldam_loss(cosines, labels, torch.zeros(3), 30), expected)


def test_weighted_mean_is_divided_by_the_weights_of_the_batch():
    cosines, labels = torch.tensor([[0.3, -0.2]] * 5), torch.ones(5, dtype=torch.long)
    margins, weights = torch.tensor([0.1, 0.5]), torch.tensor([0.04, 4.0])
    weighted = ldam_loss(cosines, labels, margins, 30, weights)
    torch.testing.assert_close(weighted, ldam_loss(cosines, labels, margins, 30))


@pytest.mark.parametrize(("factor", "head"), [(100, 0.158), (50, 0.188), (10, 0.281)])
def test_ldam_margins_of_head_and_tail(factor, head):
    margins = ldam_margins(torch.tensor(class_counts(5000, 10, factor)), 0.5)
    assert float(margins[0]) == pytest.approx(head, abs=5e-4)
    assert float(margins[-1]) == 0.5


@pytest.mark.parametrize(
    ("n_max", "classes", "factor", "head", "tail"),
    [
        (5000, 10, 100, 0.0506, 3.993),
        (5000, 10, 50, 0.089, 3.521),
        (5000, 10, 10, 0.292, 2.359),
        (500, 100, 100, 0.0449, 4.378),
        (500, 100, 50, 0.0789, 3.849),
        (500, 100, 10, 0.258, 2.525),
    ],
)
def test_effective_number_weights_of_head_and_tail(n_max, classes, factor, head, tail):
    counts = torch.tensor(class_counts(n_max, classes, factor))
    weights = effective_number_weights(counts, 0.9999)
    assert float(weights[0]) == pytest.approx(head, rel=0.01)
    assert float(weights[-1]) == pytest.approx(tail, rel=0.001)


@pytest.mark.parametrize(
    ("n_max", "classes", "head", "tail"), [(5000, 10, 0.0402, 4.02), (500, 100, 0.0438, 4.38)]
)
def test_inverse_frequency_weights_of_head_and_tail(n_max, classes, head, tail):
    weights = inverse_frequency_weights(torch.tensor(class_counts(n_max, classes, 100)))
    assert float(weights[0]) == pytest.approx(head, rel=0.005)
    assert float(weights[-1]) == pytest.approx(tail, rel=0.005)


@given(counts=st.lists(st.integers(1, 5000), min_size=1, max_size=50))
def test_weights_sum_to_the_number_of_classes_and_favour_the_rare(counts):
    n = torch.tensor(counts)
    for weights in (inverse_frequency_weights(n), effective_number_weights(n, 0.999)):
        assert float(weights.sum()) == pytest.approx(len(counts), rel=1e-4)
        assert bool((weights[n.argsort()].diff() <= 1e-6).all())


def test_beta_zero_weighs_all_classes_alike():
    assert effective_number_weights(torch.tensor([100, 10, 1]), 0.0).tolist() == [1, 1, 1]


def test_ldam_of_extreme_cosines_stays_finite():
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], requires_grad=True)
    loss = ldam_loss(cosines, torch.tensor([1, 1]), torch.tensor([0.1, 0.5]), 30)
    loss.backward()
    assert float(loss.detach()) == pytest.approx((75 + math.log1p(math.exp(-45))) / 2, abs=1e-3)
    assert torch.isfinite(cosines.grad).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 6),
    classes=st.integers(2, 5),
    gamma=st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(1, 5)),
    weighted=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_focal_value_and_gradient_are_those_of_the_formula(batch, classes, gamma, weighted, seed):
    draw = torch.Generator().manual_seed(seed)
    one = torch.randn(batch, classes, generator=draw, dtype=torch.float64).requires_grad_()
    two = one.detach().clone().requires_grad_()
    labels = torch.randint(classes, (batch,), generator=draw)
    counts = torch.randint(1, 500, (classes,), generator=draw)
    weights = inverse_frequency_weights(counts).double() if weighted else None
    loss = focal_loss(one, labels, gamma, weights)
    expected = formulas.focal(two, labels, gamma, None if weights is None else weights.tolist())
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, two.grad)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 1.5, 2.0])
def test_focal_gradient_is_that_of_finite_differences(gamma):
    scores = torch.linspace(-2, 2, 12, dtype=torch.float64).view(4, 3).requires_grad_()
    labels, weights = torch.tensor([0, 1, 2, 2]), torch.tensor([0.1, 0.9, 2.0]).double()
    assert torch.autograd.gradcheck(lambda z: focal_loss(z, labels, gamma, weights), scores)


def test_focal_without_gamma_is_cross_entropy():
    scores, labels = torch.linspace(-3, 3, 12).view(4, 3), torch.tensor([0, 1, 2, 2])
    torch.testing.assert_close(focal_loss(scores, labels, 0.0), F.cross_entropy(scores, labels))


@pytest.mark.parametrize(("gamma", "factor"), [(0.0, 1.0), (1.0, 0.75), (2.0, 0.5625)])
def test_focal_factor_is_a_power_of_the_probability_that_is_missed(gamma, factor):
    """The true class of four equal scores has 1/4."""
    loss = focal_loss(torch.zeros(2, 4), torch.tensor([0, 3]), gamma)
    assert float(loss) == pytest.approx(factor * math.log(4))


def test_focal_weights_come_before_the_power_and_the_mean_is_over_images():
    """Weights are not divided out: two images of weight 3 at log 2 give (1 - 2^-3) 3 log 2."""
    weights = torch.tensor([3.0, 0.5])
    loss = focal_loss(torch.zeros(2, 2), torch.tensor([0, 0]), 1.0, weights)
    assert float(loss) == pytest.approx(7 / 8 * 3 * math.log(2))


@pytest.mark.parametrize("gamma", [0.0, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [None, [0.04, 4.0]])
def test_focal_of_extreme_scores_has_finite_values_and_gradients(gamma, dtype, weights):
    """A gap of 2e4: no loss at all where the true class leads, 2e4 (weighted) where it trails."""
    scores = torch.tensor([[1e4, -1e4]], dtype=dtype, requires_grad=True)
    weights_C = None if weights is None else torch.tensor(weights, dtype=dtype)
    for label, weight in enumerate(weights or [1, 1]):
        scores.grad = None
        with torch.autograd.set_detect_anomaly(True):
            loss = focal_loss(scores, torch.tensor([label]), gamma, weights_C)
            loss.backward()
        assert float(loss.detach()) == pytest.approx(2e4 * weight * label)
        expected = torch.tensor([[weight, -weight]], dtype=dtype) * label
        torch.testing.assert_close(scores.grad, expected)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(counts=st.lists(st.integers(1, 5000), min_size=1, max_size=100))
def test_log_prior_is_of_shares_that_sum_to_one(counts):
    prior = log_prior(torch.tensor(counts))
    assert prior.dtype == torch.float32
    assert float(prior.double().exp().sum()) == pytest.approx(1, abs=1e-6)
    assert prior.tolist() == pytest.approx([math.log(n / sum(counts)) for n in counts], rel=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(batch=st.integers(1, 6), classes=st.integers(1, 5), seed=st.integers(0, 1000))
def test_scores_with_log_prior_are_balanced_softmax(batch, classes, seed):
    """Ren et al. 2020: -log(n_y e^z_y / sum_c n_c e^z_c), in value and gradient."""
    draw = torch.Generator().manual_seed(seed)
    one = torch.randn(batch, classes, generator=draw, dtype=torch.float64).requires_grad_()
    two = one.detach().clone().requires_grad_()
    labels = torch.randint(classes, (batch,), generator=draw)
    counts = torch.randint(1, 5000, (classes,), generator=draw)
    loss = F.cross_entropy(one + log_prior(counts), labels)
    expected = torch.zeros((), dtype=torch.float64)
    for z, y in zip(two, labels, strict=True):
        parts = [n * torch.exp(score) for n, score in zip(counts.tolist(), z, strict=True)]
        expected = expected - torch.log(parts[y] / sum(parts)) / batch
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-6, atol=1e-6)


def test_balanced_softmax_of_equal_counts_is_cross_entropy():
    scores, labels = torch.linspace(-3, 3, 12).view(4, 3), torch.tensor([0, 1, 2, 2])
    loss = F.cross_entropy(scores + log_prior(torch.tensor([70, 70, 70])), labels)
    torch.testing.assert_close(loss, F.cross_entropy(scores, labels))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_balanced_softmax_of_extreme_scores_stays_finite(dtype):
    scores = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        loss = F.cross_entropy(scores + log_prior(torch.tensor([5000, 50])), torch.tensor([1, 1]))
        loss.backward()
    assert float(loss.detach()) == pytest.approx((2e4 + math.log(100)) / 2)
    assert torch.isfinite(scores.grad).all()
