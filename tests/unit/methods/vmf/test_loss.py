"""The vMF contrast against Bessel functions of SciPy, and against an integral."""

import math
from fractions import Fraction

import pytest
import torch
from formulas import unit
from scipy.special import ive

from cogloat.methods.vmf.loss import EXPANSION, concentrations, expected_scores, log_integral

KAPPAS = [1e-3, 0.5, 3.0, 20.0, 300.0, 4000.0]


def exact(kappa: float, dimension: int) -> float:
    order = dimension / 2 - 1
    return math.log(ive(order, kappa)) + kappa - order * math.log(kappa)


@pytest.mark.parametrize(("dimension", "within"), [(8, 1e-4), (32, 1e-6), (128, 1e-9)])
def test_the_integral_is_that_of_the_bessel_function_up_to_a_constant(dimension, within):
    found = log_integral(torch.tensor(KAPPAS, dtype=torch.float64), dimension)
    known = [(own, kappa) for own, kappa in zip(found, KAPPAS, strict=True)]
    known = [pair for pair in known if ive(dimension / 2 - 1, pair[1]) > 0]  # not underflowed
    assert len(known) >= 3
    for own, kappa in known:
        assert own.item() == pytest.approx(exact(kappa, dimension), abs=within)


@pytest.mark.parametrize(("dimension", "within"), [(8, 1e-4), (32, 1e-6), (128, 1e-9)])
def test_its_gradient_is_the_ratio_of_two_bessel_functions(dimension, within):
    kappa = torch.tensor(KAPPAS, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(log_integral(kappa, dimension).sum(), kappa)
    order = dimension / 2 - 1
    for own, value in zip(slope, KAPPAS, strict=True):
        if (below := ive(order, value)) > 0:
            assert own.item() == pytest.approx(ive(order + 1, value) / below, abs=within)


def test_the_expansion_is_that_of_its_recurrence():
    """DLMF 10.41.9: half t^2 (1 - t^2) u', and an eighth of the integral of (1 - 5 t^2) u."""
    u = {0: Fraction(1)}  # power of t -> factor
    for divisor, terms in EXPANSION:
        following: dict[int, Fraction] = {}
        for power, factor in u.items():
            for more, part in (
                (power + 1, factor * power / 2 + factor / (8 * (power + 1))),
                (power + 3, -factor * power / 2 - 5 * factor / (8 * (power + 3))),
            ):
                following[more] = following.get(more, Fraction(0)) + part
        u = {power: factor for power, factor in following.items() if factor}
        assert u == {power: Fraction(factor, divisor) for power, factor in terms}


@pytest.mark.parametrize("dimension", [128, 1024])
def test_it_is_finite_from_no_concentration_to_the_largest(dimension):
    kappa = torch.tensor([0.0, 1e5], dtype=torch.float64, requires_grad=True)
    value = log_integral(kappa, dimension)
    (slope,) = torch.autograd.grad(value.sum(), kappa)
    assert value.isfinite().all()
    torch.testing.assert_close(slope[0].item(), 0.0)
    assert 0.99 < slope[1].item() < 1


def test_scores_and_gradients_are_those_of_the_formula():
    dimension, tau = 32, 0.3
    z = unit(5, dimension, seed=0).requires_grad_()
    mu, kappa = unit(3, dimension, seed=1), torch.tensor([2.0, 40.0, 300.0], dtype=torch.float64)
    expected = []
    for own in z:
        lengths = [
            (k * m + own / tau).square().sum().sqrt() for k, m in zip(kappa, mu, strict=True)
        ]
        pairs = zip(lengths, kappa, strict=True)
        expected += [log_integral(a, dimension) - log_integral(k, dimension) for a, k in pairs]
    expected = torch.stack(expected).unflatten(0, (5, 3))
    scores = expected_scores(z, mu, kappa, tau)
    torch.testing.assert_close(scores, expected)
    weights = unit(5, 3, seed=2)
    ours = torch.autograd.grad((scores * weights).sum(), z)
    theirs = torch.autograd.grad((expected * weights).sum(), z)
    torch.testing.assert_close(ours, theirs)


def test_numbers_in_single_precision_are_scored_in_double():
    z, mu = unit(5, 32, seed=0).float(), unit(3, 32, seed=1).float()
    kappa = torch.tensor([0.3, 40.1, 99_999.9])
    in_double = expected_scores(z.double(), mu.double(), kappa.double(), 0.3)
    torch.testing.assert_close(expected_scores(z, mu, kappa, 0.3), in_double, rtol=0, atol=0)


@pytest.mark.slow
def test_scores_are_the_log_of_a_mean_over_the_distribution():
    """A class's embeddings drawn by weights: uniform points, each as often as its density says."""
    dimension, tau, kappa = 8, 0.5, 5.0
    points = unit(400_000, dimension, seed=0)
    mu, z = unit(1, dimension, seed=1), unit(4, dimension, seed=2)
    density = (kappa * points @ mu[0]).exp()
    means = ((points @ z.T / tau).exp() * density[:, None]).sum(dim=0) / density.sum()
    scores = expected_scores(z, mu, torch.tensor([kappa]), tau)
    torch.testing.assert_close(scores[:, 0], means.log(), atol=0.01, rtol=0)


def test_concentration_rises_with_the_length_of_the_mean():
    lengths = torch.tensor([0.0, 0.1, 0.9, 1.0, 1.0 + 1e-6])
    means = lengths[:, None] * unit(5, 16, seed=0).float()
    expected = [0.0, 16 * 0.1 / 0.99, 16 * 0.9 / 0.19, 1e5, 1e5]
    found = concentrations(means, largest=1e5)
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=1e-4, atol=0
    )
