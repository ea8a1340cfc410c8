"""A step of every method on a device of its own: what a GPU would be given, and would wait for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from every_method import BATCH, STAGES, WAITS, training

from cogloat.bench.pretended import Device
from cogloat.methods.objective import Recordable
from cogloat.methods.rooms import settings_types
from cogloat.methods.settings import Training

# whose groups of batch norm round so that float32's weights cannot be held as closely
TOGETHER = ("paco", "bcl", "vmf_contrast", "m2m_ldam", "oltr")
State = dict[str, torch.Tensor]


def after_two_steps(method: str, folder: Path, **how: Any) -> tuple[State, State]:
    """Return what a training's state is on the processor and on a device."""
    here = training(method, folder, **how)
    with Device() as device:
        there = training(method, folder, device.device, **how)
        for number in (0, 1):
            here.step(number)
            there.step(number)
        return here.state(), there.state()


def compare(here: State, there: State, **within: float) -> None:
    for name, value in here.items():
        torch.testing.assert_close(there[name], value, msg=name, **within)


@pytest.mark.slow
@pytest.mark.parametrize("method", STAGES)
def test_a_step_is_the_processors_and_makes_no_gpu_wait(method, tmp_path):
    """The same draws, so the same images; nothing that it needs is left on the host."""
    here = training(method, tmp_path)
    with Device() as device:
        there = training(method, tmp_path, device.device)
        for number in (0, 1):
            expected = here.step(number)
            device.waits.clear()
            logged = there.step(number)
            waits = list(device.waits)
            for name, value in expected.items():
                torch.testing.assert_close(logged[name].cpu(), value, msg=name)
        assert waits == WAITS.get(method, 0) * ["_to_copy"]  # the first step sends constants
        states = here.state(), there.state()
    if method not in TOGETHER:
        compare(*states, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", TOGETHER)
def test_in_one_group_its_weights_are_the_processors(method, tmp_path):
    compare(*after_two_steps(method, tmp_path, groups=1), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", [own for own in STAGES if own != "m2m_ldam"])  # in float32 alone
def test_in_double_a_step_is_the_processors(method, tmp_path, in_double):
    """Groups of batch norm are one operation there, so that float32 rounds otherwise."""
    compare(*after_two_steps(method, tmp_path, plain=True), rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("method", STAGES)
def test_what_is_replayed_takes_nothing_from_the_host(method, tmp_path):
    """A replayed step is the recorded one on other draws, whatever the host would do then."""
    with Device() as device:
        own = training(method, tmp_path, device.device, epoch=1).objective
        batches, phase = own.order(1).split(BATCH), own.phase(1)
        own.loss(batches[0], 1, 0)  # sends constants
        drawn = own.draw(batches[1], 1, 1)
        device.moved.clear()
        device.work.clear()
        own.learn(drawn, phase)["loss"].backward()
        assert device.moved == []
        assert len(device.work) > 20


@pytest.mark.slow
@pytest.mark.parametrize("method", STAGES)
def test_every_method_trains_in_bfloat16(method, tmp_path):
    own = training(method, tmp_path, precision="bfloat16")
    losses = [own.step(number)["loss"] for number in range(2)]
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses)
    assert all(value.double().isfinite().all() for value in own.state().values())


# where a later part of a training cannot be recorded, the first can
HOSTS = {"tsc", "tsc_inbatch", "m2m_ldam"}


@pytest.mark.slow
@pytest.mark.parametrize("method", STAGES)
def test_what_can_be_recorded_says_so(method, tmp_path):
    own = training(method, tmp_path)
    assert isinstance(own.objective, Recordable)
    assert own.objective.phase(0) is not None
    assert (own.objective.phase(own.epoch) is None) == (method in HOSTS)


@pytest.mark.slow
def test_every_room_is_among_them(tmp_path):
    rooms = {training(method, tmp_path).objective.__module__.split(".")[2] for method in STAGES}
    trained = {name for name, own in settings_types().items() if issubclass(own, Training)}
    assert rooms == trained
