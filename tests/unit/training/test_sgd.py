"""Steps of SGD: the bits of PyTorch's class, without what that loads."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from cogloat.methods.settings import Optimizer
from cogloat.training.sgd import Sgd


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3), nn.Linear(3, 3))
    layers[2].bias.requires_grad_(False)
    return layers


def loss(layers: nn.Module, step: int) -> torch.Tensor:
    """Return a loss that the last layer has a part in from the second step on."""
    draw = torch.Generator().manual_seed(step)
    hidden = layers[:3](torch.randn(8, 5, generator=draw))
    return (hidden if step == 0 else layers[3](hidden)).square().mean()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_the_library_bit_for_bit(momentum, weight_decay):
    ours, theirs = network(), network()
    own = Sgd(ours.parameters(), Optimizer(lr=0.1, momentum=momentum, weight_decay=weight_decay))
    other = torch.optim.SGD(
        [weight for weight in theirs.parameters() if weight.requires_grad],
        lr=0.1,
        momentum=momentum,
        weight_decay=weight_decay,
        foreach=True,
    )
    for step in range(6):
        own.lr = other.param_groups[0]["lr"] = 0.1 / (step + 1)
        if step == 4:
            own.momenta.clear()
            other.state.clear()
        for optimizer, layers in ((own, ours), (other, theirs)):
            optimizer.zero_grad()
            loss(layers, step).backward()
            optimizer.step()
        for first, second in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(first, second), step


def test_frozen_weights_are_not_the_optimizers():
    layers = network()
    own = Sgd(layers.parameters(), Optimizer(lr=0.1, momentum=0.9, weight_decay=0.0))
    assert [id(weight) for weight in own.weights.values()] == [
        id(weight) for weight in layers.parameters() if weight is not layers[2].bias
    ]


TRAINS = """
import argparse, sys, torch
from cogloat.methods.settings import Optimizer
from cogloat.training.machine import set_up_machine
from cogloat.training.sgd import Sgd
set_up_machine(argparse.Namespace(
    device="cpu", threads=1, precision="float32", arithmetic="native"
))
layer = torch.nn.Linear(2, 2)
optimizer = Sgd(layer.parameters(), Optimizer(lr=0.1, momentum=0.9, weight_decay=0.1))
layer(torch.ones(2)).sum().backward()
optimizer.step()
assert torch.are_deterministic_algorithms_enabled()
print([name for name in ("torch._dynamo", "torch._inductor") if name in sys.modules])
"""


@pytest.mark.slow
def test_what_a_job_begins_with_does_not_load_the_compiler(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    ended = subprocess.run([sys.executable, "-c", TRAINS], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize("clip", [None, 1e6, 0.01])
def test_a_gradient_is_as_long_as_it_may_be(clip):
    ours, theirs = network(), network()
    own = Sgd(ours.parameters(), Optimizer(lr=0.1, momentum=0.9, weight_decay=0.1, clip=clip))
    learned = [weight for weight in theirs.parameters() if weight.requires_grad]
    other = torch.optim.SGD(learned, lr=0.1, momentum=0.9, weight_decay=0.1)
    for step in range(4):
        for optimizer, layers in ((own, ours), (other, theirs)):
            optimizer.zero_grad()
            loss(layers, step).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(learned, clip)
        for optimizer in (own, other):
            optimizer.step()
        for first, second in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(first, second)


def test_weights_with_a_factor_learn_at_that_multiple_of_the_rate():
    ours, theirs = network(), network()
    ours[0].weight.rate_factor = 0.5
    own = Sgd(ours.parameters(), Optimizer(lr=0.1, momentum=0.9, weight_decay=0.1))
    rest = [w for w in theirs.parameters() if w.requires_grad and w is not theirs[0].weight]
    groups = [{"params": [theirs[0].weight], "lr": 0.05}, {"params": rest}]
    other = torch.optim.SGD(groups, lr=0.1, momentum=0.9, weight_decay=0.1, foreach=True)
    for step in range(4):
        for optimizer, layers in ((own, ours), (other, theirs)):
            optimizer.zero_grad()
            loss(layers, step).backward()
            optimizer.step()
        for first, second in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(first, second), step
