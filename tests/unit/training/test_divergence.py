"""A training that leaves the finite numbers says where, what was seen there, and what to do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from miniature import build, configured, image_set, save_weights, without_augmentation

from cogloat.config.types import StageName
from cogloat.errors import UserError, explain
from cogloat.methods.settings import Optimizer
from cogloat.models.networks import Classifier
from cogloat.runs.effective import RunConfig
from cogloat.training.loop import fit
from cogloat.training.machine import Machine
from cogloat.training.resume import ResumeState

CPU = torch.device("cpu")
MACHINE = Machine(CPU, 1, "float32")
COUNTS = [12, 8, 4]


def config_of(method: str, stage: StageName, lr: float = 0.1, decay: float = 0.0) -> RunConfig:
    """Return a configuration whose optimizer no check of the file has seen."""
    config = configured(method, stage, len(COUNTS), epochs=3, batch_size=8)
    optimizer = Optimizer.model_construct(lr=lr, momentum=0.9, weight_decay=decay)
    settings = config.settings.model_copy(update={"optimizer": optimizer})
    return without_augmentation(config.model_copy(update={"settings": settings}))


def with_data(config: RunConfig, **changes: Any) -> RunConfig:
    """Return a configuration whose data no check of the file has seen."""
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


def with_temperature(value: float) -> RunConfig:
    config = config_of("kcl", "pretrain")
    temperature = config.settings.temperature.model_copy(update={"value": value})
    changes = {"temperature": temperature, "queue": 16}
    return config.model_copy(update={"settings": config.settings.model_copy(update=changes)})


def train(
    folder: Path, config: RunConfig, objective: Any = None, save_every: float = 1000.0
) -> Any:
    objective = objective or build(config, image_set(COUNTS))
    resume = ResumeState(folder, {"code": "a"}, save_every, MACHINE.process)
    return fit(objective, config.settings, MACHINE, resume, "digits/ce")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (config_of("ce", "train", lr=1e9), ["epoch 1, step ", "Lower optimizer.lr or its weight"]),
        (config_of("ce", "train", lr=1e30), ["epoch 1, step ", "Lower optimizer.lr or its weight"]),
        (
            config_of("kcl", "pretrain", lr=1e30),
            ["layer query.", "not finite", "Lower optimizer.lr"],
        ),
        (
            config_of("ce", "train", decay=1e30),
            ["weight was", "Lower optimizer.lr or its weight_de"],
        ),
        (
            with_data(config_of("ce", "train"), std=(0.2, 0.0, 0.2)),
            [
                "epoch 1, step 1: ",
                "The normalised images hold ",
                "Check `mean` and `std` in the data",
            ],
        ),
        (
            with_data(config_of("kcl", "pretrain"), std=(1e-30,) * 3),
            ["The normalised images hold ", "e+", "Check `mean` and `std` in the dataset's file."],
        ),
        (
            with_data(config_of("ce", "train"), mean=(float("nan"),) * 3),
            ["The normalised images hold nan. Check `mean` and `std`"],
        ),
        (
            with_temperature(1e-42),
            ["step 1: the loss is ", "So it is not the learning rate: check", "the temperature."],
        ),
        (with_temperature(1e-30), ["largest weight was", "So it is not the learning rate: check"]),
        (
            with_temperature(0.0),
            ["the loss is nan", "So it is not the learning rate: check the num"],
        ),
    ],
    ids=[
        *("rate", "vast rate", "vast rate of an encoder", "decay", "no deviation"),
        *("tiny deviation", "mean", "tiny temperature", "small temperature", "no temperature"),
    ],
)
def test_what_was_looked_at_is_said_and_the_fix_is_of_its_cause(tmp_path, config, words):
    with pytest.raises(UserError) as caught:
        train(tmp_path, config)
    message = str(caught.value)
    assert message.startswith("digits/ce: epoch ")
    assert "\n" not in message
    for word in words:
        assert word in message
    if "images" in message or "not the learning rate" in message:
        assert "optimizer.lr" not in message


def test_weights_that_are_not_finite_before_the_first_step_are_named(tmp_path):
    config = config_of("ce", "train")
    objective = build(config, image_set(COUNTS))
    objective.classifier.head.bias.data[1] = torch.nan
    with pytest.raises(
        UserError, match=r"epoch 1, step 1: classifier\.head\.bias is not finite bef"
    ):
        train(tmp_path, config, objective)


def test_weights_that_only_the_last_step_spoils_are_noticed(tmp_path):
    config = config_of("ce", "train")
    objective = build(config, image_set(COUNTS))

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        spoil.calls += 1
        return gradient * (torch.inf if spoil.calls % 9 == 0 else 1)  # the ninth step is the last

    spoil.calls = 0
    objective.classifier.head.bias.register_hook(spoil)
    with pytest.raises(
        UserError, match=r"epoch 3, step 3: a gradient is (inf|nan), while the loss"
    ):
        train(tmp_path, config, objective)


def test_a_state_that_is_lost_is_not_saved(tmp_path):
    """So that the steps can be taken again from one that is sound."""
    with pytest.raises(UserError):
        train(tmp_path, config_of("ce", "train", lr=1e30), save_every=0)
    (path,) = tmp_path.glob("*.pt")
    state = torch.load(path)["objective"]
    assert all(value.isfinite().all() for value in state.values())


class Fault:
    """Makes one loss a NaN, once, as a bit that flips does."""

    def __init__(self, objective: Any, at: tuple[int, int]) -> None:
        self._loss, self._at = objective.loss, at

    def __call__(self, positions: Any, epoch: int, step: int) -> Any:
        logged = self._loss(positions, epoch, step)
        if (epoch, step) == self._at:
            self._at = (-1, -1)
            logged["loss"] = logged["loss"] * torch.nan
        return logged


@pytest.mark.slow
@pytest.mark.parametrize("at", [(0, 0), (1, 2), (2, 1)])
@pytest.mark.parametrize("save_every", [0, 1000])
def test_fault_of_the_machine_that_does_not_come_again_costs_no_bit(
    tmp_path, at, save_every, capsys
):
    config = config_of("ce", "train")
    sound = build(config, image_set(COUNTS))
    expected = train(tmp_path / "sound", config, sound)
    objective = build(config, image_set(COUNTS))
    objective.loss = Fault(objective, at)
    assert train(tmp_path / "faulty", config, objective, save_every) == expected
    for name, value in sound.weights().items():
        assert torch.equal(value, objective.weights()[name]), name
    assert "is not finite: taking the last steps again, to see why" in capsys.readouterr().err


def test_lack_of_memory_names_the_batch(tmp_path):
    config = config_of("ce", "train")
    objective = build(config, image_set(COUNTS))

    def loss(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    objective.loss = loss
    with pytest.raises(torch.OutOfMemoryError) as caught:
        train(tmp_path, config, objective)
    assert str(explain(caught.value)).startswith(
        "out of memory while training on batches of 8 images (a smaller `batch_size` needs less, "
        "but is another method). Use a GPU or a machine with more of it"
    )


@pytest.mark.parametrize("name", ["encoder", "guide"])
def test_weights_that_are_handed_over_are_finite(tmp_path, name):
    method, stage = {"encoder": ("kcl", "finetune"), "guide": ("m2m_ldam", "train")}[name]
    config = config_of(method, stage)
    network = Classifier(config.backbone, len(COUNTS), "linear")
    network.backbone.norm.bias.data[3:5] = torch.inf
    path = save_weights(tmp_path / "weights.pt", network)
    with pytest.raises(UserError) as caught:
        build(config, image_set(COUNTS), **{name: path})
    assert str(caught.value) == (
        f"{path}: 'backbone.norm.bias' has numbers that are not finite. Delete it and run the step "
        "that makes it again."
    )
