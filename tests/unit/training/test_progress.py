"""A resume state of the right run that lacks a part, or holds one that cannot be its."""

import copy

import pytest
import torch
from torch import nn

from cogloat.errors import UserError
from cogloat.methods.settings import Optimizer
from cogloat.training.progress import go_on
from cogloat.training.sgd import Sgd

EPOCHS, STEPS = 5, 4


def trained(steps: int) -> tuple[nn.Module, Sgd]:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = Sgd(network.parameters(), Optimizer(lr=0.1, momentum=0.9, weight_decay=0.0))
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.ones(3)).sum().backward()
        optimizer.step()
    return network, optimizer


def state(**changes):
    """Return a state in the second epoch."""
    network, optimizer = trained(2)
    known = {
        **{"objective": network.state_dict(), "momenta": optimizer.momenta},
        "history": [{"epoch": 1, "lr": 0.1, "loss": 0.5, "test_accuracy": None}],
        **{"sums": {"loss": torch.tensor(3.0).double()}, "epoch": 1, "step": 2},
    }
    return copy.deepcopy(known | changes)


def test_state_of_the_run_is_gone_on_from(tmp_path):
    network, optimizer = trained(0)
    progress = go_on(tmp_path / "state.pt", state(), network, optimizer, EPOCHS, STEPS)
    expected, other = trained(2)
    assert torch.equal(network.weight, expected.weight)
    assert optimizer.momenta.keys() == other.momenta.keys() == {"0", "1"}
    assert all(torch.equal(optimizer.momenta[name], other.momenta[name]) for name in "01")
    assert (progress.epoch, progress.step, progress.history) == (1, 2, state()["history"])


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 0, "step": 0, "history": [], "sums": {}},
        {"epoch": 0, "step": 4, "history": []},
        {"epoch": 5, "step": 0, "history": [{"epoch": number} for number in range(1, 6)]},
        {"momenta": {}},
    ],
)
def test_any_place_of_a_training_is_gone_on_from(tmp_path, changes):
    network, optimizer = trained(0)
    progress = go_on(tmp_path / "state.pt", state(**changes), network, optimizer, EPOCHS, STEPS)
    assert progress.epoch == changes.get("epoch", 1)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["objective", "momenta", "history", "sums", "epoch", "step"])
@pytest.mark.parametrize("value", [None, "text", [1], {"a": 1}, -1, 1.5])
def test_part_that_is_missing_or_of_another_type_is_named(tmp_path, part, value):
    network, optimizer = trained(0)
    for damaged in (state(**{part: value}), {k: v for k, v in state().items() if k != part}):
        with pytest.raises(UserError) as told:
            go_on(tmp_path / "state.pt", damaged, network, optimizer, EPOCHS, STEPS)
        message = str(told.value)
        assert message.startswith(f"{tmp_path / 'state.pt'}: the resume state is corrupt ({part}")
        assert message.endswith("Delete it to start over.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": {"weight": torch.zeros(2, 3)}}, "'bias' is missing"),
        (
            {"objective": {"weight": torch.zeros(2, 2), "bias": torch.zeros(2)}},
            "'weight' is [2, 2] of torch.float32 and not [2, 3]",
        ),
        ({"momenta": {"7": torch.zeros(2)}}, "momenta: '7' is not one"),
        ({"momenta": {"0": 0.9}}, "momenta.0: Input should be an instance of Tensor"),
        (
            {"momenta": {"0": torch.zeros(5)}},
            "momenta: '0' is [5] of torch.float32 and not [2, 3]",
        ),
        (
            {"momenta": {"1": torch.zeros(2).double()}},
            "momenta: '1' is [2] of torch.float64 and not [2] of torch.float32",
        ),
        ({"history": []}, "history: not of 1 epochs"),
        ({"history": [{"epoch": 2}]}, "history: not of 1 epochs"),
        ({"history": [{"epoch": 1, "loss": "low"}]}, "history.0.loss"),
        ({"sums": {}}, "sums: without the loss"),
        ({"sums": {"loss": torch.zeros(3).double()}}, "sums.loss: not one number"),
        ({"sums": {"loss": 3.0}}, "sums.loss: Input should be an instance of Tensor"),
        ({"epoch": 6}, "epoch 6, step 2 of 5 epochs of 4 steps"),
        ({"epoch": 5}, "epoch 5, step 2 of 5 epochs of 4 steps"),
        ({"step": 5}, "epoch 1, step 5 of 5 epochs of 4 steps"),
        ({"epoch": True}, "epoch: Input should be a valid integer"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_part_that_cannot_be_the_trainings_is_named(tmp_path, changes, words):
    network, optimizer = trained(0)
    with pytest.raises(UserError) as told:
        go_on(tmp_path / "state.pt", state(**changes), network, optimizer, EPOCHS, STEPS)
    assert "the resume state is corrupt (" in str(told.value)
    assert words in str(told.value)
