"""What tests on a GPU share."""

import pytest
import torch

from cogloat.training.machine import set_products


@pytest.fixture
def exact():
    """Set IEEE float32 and deterministic algorithms, as every training does."""
    set_products("ieee")
    torch.set_deterministic_debug_mode("error")
    yield
    torch.set_deterministic_debug_mode("default")
