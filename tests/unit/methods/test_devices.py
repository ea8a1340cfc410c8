"""A step of every method on a device of its own: what a GPU would be given, and would wait for."""

import pytest
import torch
from every_method import STAGES, WAITS, training

from cogloat.bench.pretended import Device
from cogloat.methods.rooms import settings_types
from cogloat.methods.settings import Training


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
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_every_room_is_among_them(tmp_path):
    rooms = {training(method, tmp_path).objective.__module__.split(".")[2] for method in STAGES}
    trained = {name for name, own in settings_types().items() if issubclass(own, Training)}
    assert rooms == trained
