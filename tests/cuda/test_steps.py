"""What only a GPU can show of a training step. Skipped where there is none."""

import warnings

import pytest
import torch
from every_method import BATCH, COUNTS, STAGES, WAITS, training

from cogloat.training.machine import FIRST_WITH_TF32

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
GPU = torch.device("cuda")
STEPS = min(3, sum(COUNTS) // BATCH)


@pytest.fixture(autouse=True)
def exact():
    """IEEE float32 and deterministic algorithms, as every training sets them."""
    torch.backends.fp32_precision = "ieee"
    torch.set_deterministic_debug_mode("error")
    yield
    torch.set_deterministic_debug_mode("default")


@pytest.mark.parametrize("method", STAGES)
def test_a_step_is_the_processors(method, tmp_path):
    """The same draws, so the same images, loss and weights but for rounding."""
    losses, states = [], []
    for device in (torch.device("cpu"), GPU):
        own = training(method, tmp_path, device)
        losses.append(own.step(0)["loss"].detach().cpu())
        states.append(own.state())
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-4)
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-3, msg=name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", STAGES)
def test_two_runs_end_in_the_same_bits(method, precision, tmp_path):
    if precision == "bfloat16" and torch.cuda.get_device_capability()[0] < FIRST_WITH_TF32:
        pytest.skip("this GPU has no bfloat16")
    states = []
    for _ in range(2):
        own = training(method, tmp_path, GPU, precision)
        for number in range(STEPS):
            own.step(number)
        states.append(own.state())
    assert all(torch.isfinite(value.double()).all() for value in states[0].values())
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())


@pytest.mark.parametrize("method", STAGES)
def test_no_step_makes_the_host_wait(method, tmp_path):
    own = training(method, tmp_path, GPU)
    own.step(0)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            own.step(1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [str(one.message) for one in told if "synchroniz" in str(one.message)]
    assert len(waits) == WAITS.get(method, 0), waits


@pytest.mark.parametrize("method", STAGES)
def test_memory_does_not_grow_from_step_to_step(method, tmp_path):
    own = training(method, tmp_path, GPU)
    own.step(0)
    own.step(1)
    held = torch.cuda.memory_allocated()
    own.step(2 % STEPS)
    assert torch.cuda.memory_allocated() <= held
