import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cogloat.data.longtail import class_counts
from cogloat.methods.moco.temperature import class_temperatures


@given(counts=st.lists(st.integers(1, 5000), min_size=1, max_size=20), gamma=st.floats(0.01, 1))
def test_eq_8_class_by_class(counts, gamma):
    tau = class_temperatures(torch.tensor(counts), gamma)
    expected = [gamma + (1 - gamma) * n / max(counts) for n in counts]
    assert tau.tolist() == pytest.approx(expected, rel=1e-6)


def test_head_has_one_and_tail_almost_gamma_at_if_100():
    tau = class_temperatures(torch.tensor(class_counts(500, 100, 100)), 0.07)
    assert float(tau.max()) == 1
    assert float(tau.min()) == pytest.approx(0.07 + 0.93 / 100)
    assert float(tau.mean()) == pytest.approx(0.272, abs=5e-4)
    assert float(tau.quantile(0.5)) == pytest.approx(0.162, abs=5e-4)
