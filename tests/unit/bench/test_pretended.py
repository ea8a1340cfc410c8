"""The pretended device says where a GPU would make the host wait, and computes real values."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cogloat.bench.pretended import Device, Pretended


@pytest.fixture
def device():
    with Device() as entered:
        yield entered


def values(device, numbers=(3.0, 1.0, 2.0)):
    made = torch.tensor(numbers).to(device.device)
    device.waits.clear()
    return made


def mask_of(x):
    return x > 1.5


WAITS = {
    "item": lambda x: x.sum().item(),
    "float": lambda x: float(x[0]),
    "truth": lambda x: bool(x[0] > 0),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "nonzero": lambda x: mask_of(x).nonzero(),
    "where": lambda x: torch.where(mask_of(x)),
    "masked_select": lambda x: x.masked_select(mask_of(x)),
    "index by a mask": lambda x: x[mask_of(x)],
    "index by the host's numbers": lambda x: x[torch.tensor([0, 2])],
    "write by a mask": lambda x: x.__setitem__(mask_of(x), 0.0),
    "unique": lambda x: x.unique(),
    "bincount": lambda x: x.long().bincount(),
    "multinomial": lambda x: x.multinomial(1),
    "repeats": lambda x: x.repeat_interleave(x.long()),
    "equal": lambda x: torch.equal(x, x),
    "constant": lambda x: torch.tensor([1.0, 2.0, 3.0], device=x.device),
    "array": lambda x: torch.as_tensor(np.zeros(3), device=x.device),
    "to the device": lambda x: torch.zeros(3).to(x.device),
    "copy": lambda x: x.copy_(torch.zeros(3)),
}
RUNS_ON = {
    "arithmetic": lambda x: (x * 2 + 1).clamp_(0, 3),
    "scalar of the host": lambda x: x * torch.tensor(2.0),
    "made there": lambda x: torch.zeros(3, device=x.device) + torch.rand(3, device=x.device),
    "where of three": lambda x: torch.where(mask_of(x), x, 0.0),
    "masked_fill": lambda x: x.masked_fill(mask_of(x), 0.0),
    "index by numbers": lambda x: x[x.argsort()],
    "slice": lambda x: x[1:].neg_(),
    "scatter": lambda x: torch.zeros_like(x).scatter_(0, x.argsort(), 1.0),
    "repeats of known sum": lambda x: x.repeat_interleave(x.long(), output_size=6),
    "to the device, not waiting": lambda x: torch.zeros(3).to(x.device, non_blocking=True),
    "copy, not waiting": lambda x: x.copy_(torch.zeros(3), non_blocking=True),
    "dtype": lambda x: x.to(torch.float64),
    "on the host alone": lambda x: torch.rand(3).nonzero().tolist(),
    "loss": lambda x: F.cross_entropy(x[None], x.new_zeros(1, dtype=torch.long)),
    "foreach": lambda x: torch._foreach_lerp_([x], [x + 1], 0.5),
}


@pytest.mark.parametrize("name", WAITS)
def test_what_needs_a_value_makes_the_host_wait(device, name):
    x = values(device)
    WAITS[name](x)
    assert len(device.waits) == 1, device.waits


@pytest.mark.parametrize("name", RUNS_ON)
def test_what_does_not_lets_the_host_go_on(device, name):
    x = values(device)
    RUNS_ON[name](x)
    assert device.waits == []


def network():
    made = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU())
    torch.manual_seed(0)
    torch.nn.init.normal_(made[0].weight)
    return made


def learn(net, images):
    net(images).square().mean().backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.1 * parameter.grad
    return net(images)


def test_values_and_gradients_are_the_hosts(device):
    images = torch.rand(4, 3, 8, 8)
    expected = learn(network(), images)
    moved = network().to(device.device)
    device.waits.clear()
    found = learn(moved, images.to(device.device, non_blocking=True))
    assert device.waits == []
    assert isinstance(found, Pretended)
    assert found.device == device.device
    torch.testing.assert_close(found.detach().cpu(), expected.detach())


def test_tensors_of_the_host_and_of_the_device_do_not_mix(device):
    x = values(device)
    for mixed in (lambda: x + torch.zeros(3), lambda: torch.zeros(3)[x.argsort()]):
        with pytest.raises(RuntimeError, match="is on the host"):
            mixed()


def test_nothing_of_it_is_left_outside():
    with Device() as device:
        x = values(device)
    with pytest.raises(RuntimeError, match="outside"):
        x + 1
