"""A resume state of the right run that lacks a part, or holds one that cannot be its."""

import copy

import pytest
import torch
from torch import nn

from cogloat.errors import UserError
from cogloat.training.progress import go_on

EPOCHS, STEPS = 5, 4


def trained(steps: int) -> tuple[nn.Module, torch.optim.SGD]:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.ones(3)).sum().backward()
        optimizer.step()
    return network, optimizer


def state(**changes):
    """Return a state in the second epoch."""
    network, optimizer = trained(2)
    known = {
        **{"objective": network.state_dict(), "optimizer": optimizer.state_dict()},
        "history": [{"epoch": 1, "lr": 0.1, "loss": 0.5, "test_accuracy": None}],
        **{"sums": {"loss": torch.tensor(3.0).double()}, "epoch": 1, "step": 2},
    }
    return copy.deepcopy(known | changes)


def optimizer_state(change):
    found = copy.deepcopy(trained(2)[1].state_dict())
    change(found)
    return {"optimizer": found}


def test_state_of_the_run_is_gone_on_from(tmp_path):
    network, optimizer = trained(0)
    progress = go_on(tmp_path / "state.pt", state(), network, optimizer, EPOCHS, STEPS)
    expected, other = trained(2)
    assert torch.equal(network.weight, expected.weight)
    buffers = (own.state[own.param_groups[0]["params"][0]] for own in (optimizer, other))
    first, second = (buffer["momentum_buffer"] for buffer in buffers)
    assert torch.equal(first, second)
    assert (progress.epoch, progress.step, progress.history) == (1, 2, state()["history"])


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 0, "step": 0, "history": [], "sums": {}},
        {"epoch": 0, "step": 4, "history": []},
        {"epoch": 5, "step": 0, "history": [{"epoch": number} for number in range(1, 6)]},
        {"optimizer": trained(0)[1].state_dict()},
    ],
)
def test_any_place_of_a_training_is_gone_on_from(tmp_path, changes):
    network, optimizer = trained(0)
    progress = go_on(tmp_path / "state.pt", state(**changes), network, optimizer, EPOCHS, STEPS)
    assert progress.epoch == changes.get("epoch", 1)


@pytest.mark.parametrize("part", ["objective", "optimizer", "history", "sums", "epoch", "step"])
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
        (optimizer_state(lambda own: own.pop("state")), "optimizer.state: Field required"),
        (optimizer_state(lambda own: own["param_groups"].pop()), "not those of the configuration"),
        (
            optimizer_state(lambda own: own["param_groups"][0].pop("momentum")),
            "not those of the configuration",
        ),
        (
            optimizer_state(lambda own: own["param_groups"][0].update(momentum="high")),
            "optimizer.param_groups.0.momentum",
        ),
        (
            optimizer_state(lambda own: own["param_groups"][0].update(momentum=0.5)),
            "not those of the configuration",
        ),
        (
            optimizer_state(lambda own: own["param_groups"][0].update(params=[0])),
            "not those of the configuration",
        ),
        (optimizer_state(lambda own: own["state"].update({7: own["state"][0]})), "'7' is not one"),
        (optimizer_state(lambda own: own["state"][0].clear()), "momentum_buffer: Field required"),
        (
            optimizer_state(lambda own: own["state"][0].update(momentum_buffer=torch.zeros(5))),
            "optimizer.state: '0' is [5] of torch.float32 and not [2, 3]",
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
