"""TSC's targets: the closed form, and what the optimisation finds where there is none."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import REPO, run

from cogloat.methods.tsc.settings import TargetPoints
from cogloat.methods.tsc.targets import place_targets, uniformity_loss

POINTS = TargetPoints(temperature=0.07, lr=0.1, steps=3000, seed=0)


@settings(deadline=None, derandomize=True)
@given(classes=st.integers(2, 120), extra=st.integers(-1, 30))
def test_where_they_fit_the_targets_are_a_regular_simplex(classes, extra):
    targets = place_targets(classes, classes + extra, POINTS)
    assert targets.shape == (classes, classes + extra)
    cosines = targets @ targets.T
    expected = torch.full((classes, classes), -1 / (classes - 1), dtype=torch.float64)
    expected.fill_diagonal_(1)
    torch.testing.assert_close(cosines, expected)


def test_no_random_or_moved_points_have_a_lower_loss_than_the_simplex():
    simplex = place_targets(10, 16, POINTS)
    lowest = uniformity_loss(simplex, 0.07)
    draw = torch.Generator().manual_seed(0)
    for size in (1e-3, 0.1, 1, 100):
        noise = torch.randn(10, 16, generator=draw, dtype=torch.float64)
        moved = torch.nn.functional.normalize(simplex + size * noise, dim=1)
        assert uniformity_loss(moved, 0.07) > lowest


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "dimension"), [(4, 2), (6, 3)])
def test_where_they_do_not_fit_the_optimised_ones_are_the_known_best(classes, dimension):
    """Four points on a circle end in a square, six on a sphere in an octahedron."""
    targets = place_targets(classes, dimension, POINTS)
    torch.testing.assert_close(targets.norm(dim=1), torch.ones(classes, dtype=torch.float64))
    cosines = (targets @ targets.T).fill_diagonal_(0).sort(dim=1).values
    expected = torch.zeros(classes, classes, dtype=torch.float64)
    expected[:, 0] = -1
    torch.testing.assert_close(cosines, expected, atol=0.02, rtol=0)


def test_search_begins_at_normal_draws_as_they_are():
    """Three steps of Adam by hand; from the draws' directions it would come elsewhere."""
    settings = TargetPoints(temperature=0.07, lr=0.1, steps=3, seed=5)
    begun = torch.randn(6, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)

    def moved(points: torch.Tensor) -> torch.Tensor:
        first, second = torch.zeros_like(points), torch.zeros_like(points)
        for step in (1, 2, 3):
            free = points.clone().requires_grad_()
            unit = free / free.norm(dim=1, keepdim=True)
            loss = (unit @ unit.T / 0.07).exp().sum(dim=1).log().mean()
            (gradient,) = torch.autograd.grad(loss, free)
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            root = (second / (1 - 0.999**step)).sqrt()
            points = points - 0.1 * first / (1 - 0.9**step) / (root + 1e-8)
        return points / points.norm(dim=1, keepdim=True)

    found = place_targets(6, 3, settings)
    torch.testing.assert_close(found, moved(begun))
    assert not torch.allclose(found, moved(begun / begun.norm(dim=1, keepdim=True)), atol=0.01)


def test_uniformity_loss_is_the_formula():
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    total = 0.0
    for one in points.tolist():
        cosines = [one[0] * x + one[1] * y for x, y in points.tolist()]
        total += math.log(sum(math.exp(cosine / 0.5) for cosine in cosines))
    assert float(uniformity_loss(points, 0.5)) == pytest.approx(total / 3)


def place(tmp_path, classes, dimension):
    return run(
        *("place_targets.py", "--classes", classes, "--dimension", dimension),
        *("--config", REPO / "config" / "targets.yaml", "--output", tmp_path / "targets.npy"),
    )


def test_script_writes_the_targets_of_the_shipped_methods(tmp_path):
    done = place(tmp_path, 100, 128)
    assert done.returncode == 0, done.stderr
    targets = np.load(tmp_path / "targets.npy")
    assert targets.shape == (100, 128)
    assert targets.dtype == np.float64


@pytest.mark.parametrize(
    ("classes", "dimension", "message"),
    [
        (1, 8, "argument --classes: Input should be greater than or equal to 2, but it is '1'"),
        (10, 0, "argument --dimension: Input should be greater than or equal to 1, but it is '0'"),
    ],
)
def test_script_refuses_numbers_out_of_range(tmp_path, classes, dimension, message):
    done = place(tmp_path, classes, dimension)
    assert done.returncode == 2
    assert f"error: {message}" in done.stderr
    assert not (tmp_path / "targets.npy").exists()
