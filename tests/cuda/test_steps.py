"""What only a GPU can show of a training step. Skipped where there is none."""

import warnings

import pytest
import torch
from every_method import BATCH, COUNTS, STAGES, WAITS, training
from torch.nn import functional as F

from cogloat.data.augmentation.levels import to_unit_range
from cogloat.training.machine import FIRST_WITH_TF32

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.usefixtures("exact"),
]
CPU, GPU = torch.device("cpu"), torch.device("cuda")
STEPS = min(3, sum(COUNTS) // BATCH)


@pytest.mark.parametrize("method", [own for own in STAGES if own != "m2m_ldam"])  # in float32 alone
def test_a_step_is_the_processors(method, tmp_path, in_double):
    """Loss and weights, of the same images and draws."""
    losses, states = [], []
    for device in (CPU, GPU):
        own = training(method, tmp_path, device, plain=True)
        losses.append([own.step(number)["loss"].cpu() for number in range(2)])
        states.append(own.state())
    torch.testing.assert_close(*losses, rtol=1e-8, atol=1e-8)
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-7, atol=1e-7, msg=name)


@pytest.mark.parametrize("method", STAGES)
def test_its_images_are_the_processors(method, tmp_path):
    """The same draws of views: the loss of the first step, but for float32's rounding."""
    losses = [training(method, tmp_path, device).step(0)["loss"].cpu() for device in (CPU, GPU)]
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-4)


def test_every_grey_level_is_the_processors_to_the_bit():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_unit_range(levels.to(GPU)).cpu(), to_unit_range(levels))


def test_float32_is_float32_in_convolutions_and_products():
    draw = torch.Generator().manual_seed(0)
    x, w = (torch.randn(8, 64, 16, 16, generator=draw) for _ in range(2))
    for of in (
        lambda a, b: F.conv2d(a, b[..., :3, :3]),
        lambda a, b: a.flatten(1) @ b.flatten(1).T,
    ):
        exact, own = of(x.double(), w.double()), of(x.to(GPU), w.to(GPU)).cpu().double()
        assert (own - exact).abs().max() < 1e-5 * exact.abs().max()


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
