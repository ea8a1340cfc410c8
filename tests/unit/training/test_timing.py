"""Timed steps are those of the training; their floor has the same networks. No time is asserted."""

import numpy as np
import pandas as pd
import pytest
import torch
from artefacts import command_line, process
from miniature import CONFIG, CPU, configured, image_set, save_weights
from scripts import Tiny, must
from torch.utils.flop_counter import FlopCounterMode

import tabulate_times
import time_epochs
from cogloat.config.reading import dump
from cogloat.data.longtail import write_split
from cogloat.data.store import Images, write_store
from cogloat.errors import UserError
from cogloat.methods.inputs import Inputs
from cogloat.methods.rooms import build
from cogloat.methods.settings import Steps
from cogloat.models.networks import Classifier
from cogloat.randomness import seeded_globally
from cogloat.results.timings import PARTS, read_timings
from cogloat.runs.load import run_config
from cogloat.training.loop import fit
from cogloat.training.machine import Machine
from cogloat.training.resume import ResumeState
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step
from cogloat.training.timing import Floor, TimedTraining, time_in_turn, turn

pytestmark = pytest.mark.slow

METHODS = ["kcl", "kcl_global", "kcl_adaptive", "kcl_proco"]
IMAGES = image_set([20, 9, 4])
CORESET = [0, 1, 20, 21, 29]  # two images of the first classes, one of the last
BATCH, EPOCHS, STEPS = 8, 2, 4
CONSTANT = Steps(kind="steps", at=(), factors=())


def stage(method, **changes):
    sizes = {"batch_size": BATCH, "queue": 2 * BATCH, "epochs": EPOCHS, "schedule": CONSTANT}
    return configured(method, "pretrain", 3, **sizes | changes)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Return what a configuration's training is given, the coreset from files."""
    folder = tmp_path_factory.mktemp("timed")
    part = Images(IMAGES.images_NCHW.numpy(), IMAGES.labels_N.numpy())
    write_store(folder, {"train": part, "test": part}, ["a", "b", "c"])
    chosen = np.array(CORESET)
    write_split(folder / "coreset.csv", chosen, part.labels_N[chosen])
    split = folder / "split.csv"
    write_split(split, np.arange(len(IMAGES)), part.labels_N)
    files = {"coreset": folder / "coreset.csv"}

    def inputs(config):
        data, given = config.data, {"store": folder, "split": split, "files": files}
        return Inputs(data, config.backbone, IMAGES, CPU, config.seed, **given)

    return inputs


def trained(config, inputs, machine, tmp_path):
    """Return the objective after what train.py does with it."""
    with seeded_globally(config.seed, "initialise", "pretrain"):
        objective = build(config.settings, inputs)
    resume = ResumeState(tmp_path, {"code": "a"}, 1000, process)
    fit(objective, config.settings, machine, resume, "run")
    return objective


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", METHODS)
def test_timed_steps_are_those_of_the_training(method, precision, given, tmp_path):
    machine = Machine(CPU, 1, precision)
    config = stage(method)
    timed = TimedTraining(config, given(config), machine)
    assert timed.steps_per_epoch == STEPS
    for epoch in range(EPOCHS):
        timed.measure(epoch, STEPS)
    expected = trained(config, given(config), machine, tmp_path)
    for name, value in expected.state_dict().items():
        assert torch.equal(value, timed.objective.state_dict()[name]), name
    positions = torch.arange(BATCH)
    with machine.autocast(), torch.no_grad():
        losses = [one.loss(positions, EPOCHS, 0)["loss"] for one in (expected, timed.objective)]
    assert losses[0] == losses[1]


def convolutions(action):
    """Return the floating-point operations of an action's convolutions, by direction."""
    with FlopCounterMode(display=False) as counter:
        action()
    counts = counter.get_flop_counts()["Global"]
    return {str(name): count for name, count in counts.items() if "convolution" in str(name)}


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        *((method, {}) for method in METHODS),
        ("kcl_global", {"joint_views": False}),
        ("cogloat_proco", {"groups": 4}),
    ],
)
def test_floor_has_the_convolutions_of_a_step_and_nothing_else_changes(method, changes, given):
    machine = Machine(CPU, 1, "float32")
    config = stage(method, **changes)
    objective = TimedTraining(config, given(config), machine).objective
    before = {name: value.clone() for name, value in objective.state_dict().items()}
    floor = Floor(objective, config, machine)
    passes = convolutions(lambda: floor.run(1))
    assert all(torch.equal(value, before[name]) for name, value in objective.state_dict().items())
    optimizer = Sgd(objective.parameters(), config.settings.optimizer)
    positions = torch.arange(BATCH)
    step = convolutions(lambda: take_step(objective, optimizer, machine, positions, 0, 0))
    assert len(step) == 2
    assert passes == step


@pytest.mark.parametrize("method", ["ce", "bcl", "paco"])
def test_floor_of_any_room_has_the_convolutions_of_its_step(method, given):
    """Of a classifier, of one with a momentum pair, of one with heads on its backbone."""
    machine = Machine(CPU, 1, "float32")
    sizes = {"batch_size": BATCH, "epochs": EPOCHS, "schedule": CONSTANT}
    queue = {"queue": 2 * BATCH} if method == "paco" else {}
    config = configured(method, "train", 3, drop_last=True, **sizes, **queue)
    timed = TimedTraining(config, given(config), machine)
    with seeded_globally(config.seed, "initialise", config.stage):
        expected = build(config.settings, given(config)).state_dict()
    found = timed.objective.state_dict()  # after the step that the floor took note of
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    floor = Floor(timed.objective, config, machine)
    passes = convolutions(lambda: floor.run(1))
    optimizer = Sgd(timed.objective.parameters(), config.settings.optimizer)
    positions = torch.arange(BATCH)
    step = convolutions(lambda: take_step(timed.objective, optimizer, machine, positions, 0, 0))
    assert passes == step


def test_floor_of_a_step_that_learns_images_has_its_convolutions(tmp_path):
    """M2m's, in its last epoch: passes in evaluation mode, whose gradient is the images'."""
    machine = Machine(CPU, 1, "float32")
    sizes = {"batch_size": 16, "epochs": 5, "schedule": CONSTANT}  # 5: images are made in the last
    config = configured("m2m_ldam", "train", 3, **sizes)
    guide = save_weights(tmp_path / "guide.pt", Classifier(config.backbone, 3, "linear"))
    inputs = Inputs(config.data, config.backbone, IMAGES, CPU, config.seed, files={"guide": guide})
    timed = TimedTraining(config, inputs, machine, 4)
    objective = timed.objective
    passes = convolutions(lambda: timed.floor_seconds(1))
    optimizer = Sgd(objective.parameters(), config.settings.optimizer)
    positions = objective.order(4)[:16]
    step = convolutions(lambda: take_step(objective, optimizer, machine, positions, 4, 0))
    plain = convolutions(lambda: objective.classifier(torch.rand(16, 3, 8, 8)))
    assert step["aten.convolution"] > 3 * plain["aten.convolution"]
    assert passes == step


def test_floor_grows_with_the_views_of_a_step(given):
    def forward(method):
        config = stage(method)
        machine = Machine(CPU, 1, "float32")
        objective = TimedTraining(config, given(config), machine).objective
        floor = Floor(objective, config, machine)
        return convolutions(lambda: floor.run(1))["aten.convolution"]

    assert forward("kcl_global") / forward("kcl") == pytest.approx(5 / 2)
    assert forward("kcl_proco") / forward("kcl") == pytest.approx(3 / 2)
    assert forward("kcl_adaptive") == forward("kcl")


def test_each_round_another_method_begins():
    assert [turn(["a", "b", "c"], number) for number in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_every_method_has_its_turn_in_every_round_and_the_warm_up_is_left_out(given):
    machine = Machine(CPU, 1, "float32")
    trainings = {
        method: TimedTraining(stage(method), given(stage(method)), machine)
        for method in ("kcl", "kcl_global")
    }
    turns = [(number, name) for number, name, _ in time_in_turn(trainings, 3, 1)]
    first, second = "kcl", "kcl_global"
    assert turns == [(0, first), (0, second), (1, second), (1, first), (2, first), (2, second)]


# --- the script on digits ---


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The store of the digits and their split at imbalance factor 10."""
    made = Tiny(tmp_path_factory.mktemp("timing"))
    must("fetch.py", "--config", CONFIG, "--dataset", "digits", "--output", made.store)
    must(
        *("split.py", "--labels", made.store / "train_labels.npy", "--factor", 10),
        *("--seed", 0, "--output", made.split),
    )
    return made


def config_file(folder, method, stage="pretrain", factor=10, **data):
    config = run_config(CONFIG, "digits", factor, method, 0, stage)
    config = config.model_copy(update={"data": config.data.model_copy(update=data)})
    path = folder / f"{method}_{stage}_{factor}.json"
    path.write_text(dump(config))
    return path


def time_them(digits, output, configs, **more):
    known = {"store": digits.store, "split": digits.split, "rounds": 2, "steps": 1, "device": "cpu"}
    time_epochs.main(command_line(config=configs, output=output, **known | more))


def test_both_scripts_make_the_table_of_the_digits(digits, tmp_path):
    configs = [config_file(tmp_path, method) for method in METHODS]
    raw = tmp_path / "times.csv"
    time_them(digits, raw, configs, input=f"kcl_proco.coreset={digits.split}")  # all images
    timings = read_timings([raw])
    assert set(timings["steps_per_epoch"]) == {len(pd.read_csv(digits.split)) // 64}
    assert len(timings) == len(METHODS) * 2 * len(PARTS)
    for number in range(2):
        own = timings[timings["round"] == number]
        assert list(own["method"].drop_duplicates()) == turn(METHODS, number)
    outputs = {"output": tmp_path / "table4.csv", "markdown": tmp_path / "table4.md"}
    tabulate_times.main(command_line(times=raw, config=CONFIG, **outputs))
    table = pd.read_csv(tmp_path / "table4.csv")
    assert list(table["method"]) == METHODS
    assert table["ratio"][0] == 1
    assert "| KCL + ProCo | " in (tmp_path / "table4.md").read_text()


@pytest.mark.parametrize(
    ("second", "flags", "message"),
    [
        (
            {"method": "kcl", "stage": "finetune"},
            {},
            "kcl_finetune_10.json: stage: it is 'finetune', but only 'pretrain' is timed",
        ),
        (
            {"method": "kcl_global", "factor": 20},
            {},
            "kcl_global_pretrain_20.json: factor: '20', but it is '10' in ",
        ),
        (
            {"method": "kcl_global", "image_size": 9},
            {},
            "kcl_global_pretrain_10.json: data: differs from ",
        ),
        ({"method": "kcl"}, {}, "kcl_pretrain_10.json: method: 'kcl' is there twice"),
        ({"method": "tsc"}, {}, "settings.objective: 'tsc' is not timed"),
        (
            {"method": "kcl_proco"},
            {},
            "needs a file. Give it: --input kcl_proco.coreset=FILE.",
        ),
        (
            {"method": "kcl_proco"},
            {"input": "kcl_poco.coreset=x"},
            "--input kcl_poco.coreset: 'kcl_poco' is not timed. Did you mean 'kcl_proco'?",
        ),
        (
            {"method": "kcl_global"},
            {"input": "kcl_global.coreset=x"},
            "--input kcl_global.coreset: ",
        ),
        ({"method": "kcl_global"}, {"steps": 999}, "steps: 999 are to be timed, but an epoch"),
    ],
)
def test_mistake_ends_in_one_message_and_no_file(digits, tmp_path, second, flags, message):
    configs = [config_file(tmp_path, "kcl"), config_file(tmp_path, **second)]
    with pytest.raises(UserError) as caught:
        time_them(digits, tmp_path / "times.csv", configs, **flags)
    assert message in str(caught.value)
    assert not list(tmp_path.glob("*times.csv*"))
