import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogloat.config.schema import Cosine, Steps
from cogloat.training.schedule import learning_rate_factor

LDAM_RECIPE = Steps(kind="steps", warmup=0.025, at=(0.8, 0.9), factors=(0.01, 0.0001))


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [(0, 0.2), (3, 0.8), (4, 1.0), (159, 1.0), (160, 0.01), (179, 0.01), (180, 1e-4), (199, 1e-4)],
)
def test_ldam_recipe_at_every_boundary_of_200_epochs(epoch, factor):
    assert learning_rate_factor(LDAM_RECIPE, epoch, 200) == pytest.approx(factor)


def test_cosine_starts_at_one_and_falls_towards_zero():
    factors = [learning_rate_factor(Cosine(kind="cosine"), e, 1000) for e in range(1000)]
    assert factors[0] == 1
    assert factors[500] == pytest.approx(0.5)
    assert factors[999] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.999)))
    assert factors == sorted(factors, reverse=True)


@given(epochs=st.integers(1, 50), warmup=st.floats(0, 1))
def test_factor_stays_between_zero_and_one(epochs, warmup):
    schedule = Cosine(kind="cosine", warmup=warmup)
    factors = [learning_rate_factor(schedule, epoch, epochs) for epoch in range(epochs)]
    assert all(0 <= factor <= 1 for factor in factors)
