"""What all tests share."""

import hypothesis
import pytest

# how long an example takes says more of the machine than of the property
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def in_double(monkeypatch):
    """Compute everything in float64."""
    import ranked  # a submit host has no torch
    import torch

    ranked.in_double(monkeypatch.setattr)
    yield
    torch.set_default_dtype(torch.float32)
