"""Temperatures class by class, and what the keys beside gamma make of them."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from cogloat.data.longtail import class_counts
from cogloat.methods.moco.settings import AdaptiveTemperature, ConstantTemperature
from cogloat.methods.moco.temperature import class_temperatures

COUNTS = st.lists(st.integers(1, 5000), min_size=1, max_size=20)


def adaptive(counts, gamma, **keys):
    temperature = AdaptiveTemperature(kind="adaptive", gamma=gamma, **keys)
    return class_temperatures(torch.tensor(counts), temperature)


@pytest.mark.slow
@given(counts=COUNTS, gamma=st.floats(0.01, 1))
def test_eq_8_class_by_class(counts, gamma):
    """To the bit: the keys beside gamma are eq. 8's own where they are not given."""
    expected = [gamma + (1 - gamma) * (n / max(counts)) for n in counts]
    tau = adaptive(counts, gamma)
    assert torch.equal(tau, torch.tensor(expected, dtype=torch.float64).float())
    assert torch.equal(tau, adaptive(counts, gamma, head=1.0, base=1.0))


@pytest.mark.slow
@given(counts=COUNTS, gamma=st.floats(0.01, 2), head=st.floats(0.01, 2), base=st.floats(0.01, 2))
def test_temperatures_go_from_base_times_gamma_to_base_times_head_as_classes_grow(
    counts, gamma, head, base
):
    assume(gamma <= head)
    tau = adaptive(counts, gamma, head=head, base=base)
    expected = [base * (gamma + (head - gamma) * n / max(counts)) for n in counts]
    assert tau.tolist() == pytest.approx(expected, rel=1e-6)
    assert float(tau.max()) == pytest.approx(base * head, rel=1e-6)
    assert float(tau.min()) >= base * gamma * (1 - 1e-6)
    order = sorted(range(len(counts)), key=counts.__getitem__)
    assert tau[order].tolist() == sorted(tau.tolist())


@pytest.mark.slow
@given(counts=COUNTS, value=st.floats(0.01, 2))
def test_a_head_of_gamma_is_a_constant_temperature(counts, value):
    constant = ConstantTemperature(kind="constant", value=value)
    expected = class_temperatures(torch.tensor(counts), constant)
    assert expected.dtype == torch.float32
    torch.testing.assert_close(adaptive(counts, value, head=value), expected)


def test_head_has_one_and_tail_almost_gamma_at_if_100():
    tau = adaptive(class_counts(500, 100, 100), 0.07)
    assert float(tau.max()) == 1
    assert float(tau.min()) == pytest.approx(0.07 + 0.93 / 100)
    assert float(tau.mean()) == pytest.approx(0.272, abs=5e-4)
    assert float(tau.quantile(0.5)) == pytest.approx(0.162, abs=5e-4)


@pytest.mark.parametrize(("gamma", "head"), [(1.1, {}), (0.3, {"head": 0.2})])
def test_rare_classes_with_the_higher_temperature_are_refused(gamma, head):
    with pytest.raises(ValidationError, match=r"gamma .* is more than head .*at most"):
        AdaptiveTemperature(kind="adaptive", gamma=gamma, **head)
