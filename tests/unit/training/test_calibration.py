"""Measuring on a processor, of tiny images: what is measured, and what is passed over and why."""

import shutil

import pytest
import torch
from imagenet import make_miniature
from scripts import REPO, run

from cogloat.results.calibration import Calibration
from cogloat.runs.load import load_dataset, run_config
from cogloat.training.calibration import StandIn, measure_all
from cogloat.training.machine import Machine

pytestmark = pytest.mark.slow

CONFIG = REPO / "config"
MACHINE = Machine(torch.device("cpu"), 1, "float32")


@pytest.fixture
def stand_in(tmp_path):
    return StandIn(tmp_path, CONFIG, load_dataset(CONFIG, "tiny"), 10)


def stages(*names):
    return {name: run_config(CONFIG, "tiny", 10, *_named(name)) for name in names}


def _named(name):
    method, stage = name.split("/")
    return method, 0, stage


def test_each_kind_of_work_is_measured(stand_in):
    names = [
        *("kcl/pretrain", "cogloat_proco/pretrain", "kcl/finetune", "ce/train", "m2m_ldam/train"),
    ]
    found = measure_all(stages(*names), stand_in, MACHINE, 300)
    assert {name: work.measured_on for name, work in found.items()} == {
        name: name for name in names
    }
    assert [work.passes for work in found.values()] == [4, 11, 1, 3, pytest.approx(9)]
    # 140 images of the largest of ten classes, by factor 10: 140 x (1/10)^(i/9), truncated
    assert {work.images for work in found.values()} == {
        sum([140, 108, 83, 64, 50, 38, 30, 23, 18, 14])
    }
    assert all(100 < work.memory_mb < 4000 and work.device_mb == 0 for work in found.values())
    # the prototypes' pass over the coreset is at an epoch's start
    assert found["cogloat_proco/pretrain"].refresh > found["kcl/pretrain"].refresh
    assert found["cogloat_proco/pretrain"].step > found["kcl/finetune"].step


def test_steps_that_change_during_training_are_averaged_over_it(stand_in):
    synthesis = run_config(CONFIG, "tiny", 10, "m2m_ldam", 0, "train").settings.synthesis
    never = synthesis.model_copy(update={"start": 1.0})
    own = stages("m2m_ldam/train")["m2m_ldam/train"]
    settings = own.settings.model_copy(update={"epochs": 100})
    always = own.model_copy(update={"settings": settings})
    plain = settings.model_copy(update={"synthesis": never})
    both = {"always": always, "never": own.model_copy(update={"settings": plain})}
    found = measure_all(both, stand_in, MACHINE, 300)
    # ten further steps on images, in a fifth of the epochs
    assert found["always"].step > 1.5 * found["never"].step


def test_what_there_is_no_time_for_is_told(stand_in, capsys):
    names = ("kcl/pretrain", "cogloat/pretrain")
    found = measure_all(stages(*names), stand_in, MACHINE, 0.001)
    assert [*found] == ["kcl/pretrain"]  # how long it takes is not known before
    assert "cogloat/pretrain: not measured, 0 s are left" in capsys.readouterr().err


def test_a_file_of_the_graph_that_is_not_there_is_told(stand_in, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert measure_all(stages("tsc/pretrain"), stand_in, MACHINE, 5) == {}
    said = capsys.readouterr().err
    assert "tsc/pretrain: not measured: results/targets/10x128.npy: " in said
    assert "place_targets.py" in said


def test_a_batch_larger_than_the_set_is_told(stand_in, capsys):
    own = stages("kcl/pretrain")["kcl/pretrain"]
    settings = own.settings.model_copy(update={"batch_size": 1024, "queue": 1024})
    assert (
        measure_all({"kcl": own.model_copy(update={"settings": settings})}, stand_in, MACHINE, 5)
        == {}
    )
    assert "kcl/pretrain: not measured: a batch has 1024 of 568 images" in capsys.readouterr().err


def test_the_script_writes_a_calibration_of_a_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(REPO)
    output = tmp_path / "digits.json"
    done = run(
        *("calibrate.py", "--config", CONFIG, "--dataset", "digits"),
        *("--seconds", 1, "--output", output),
    )
    assert done.returncode == 0, done.stderr
    found = Calibration.read(output)
    assert found.dataset == "digits"
    assert found.start > found.light_start > 0
    assert found.works
    assert "kinds of work measured on" in done.stderr


def test_a_dataset_without_a_table_is_told(tmp_path):
    done = run(
        *("calibrate.py", "--config", CONFIG, "--dataset", "tiny", "--output", tmp_path / "a.json")
    )
    assert done.returncode != 0
    assert "no collection lists the dataset 'tiny'. Add a table of it first." in done.stderr
    assert not (tmp_path / "a.json").exists()


def test_photographs_are_stood_in_for_by_blank_slots_that_take_no_space(tmp_path):
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)
    make_miniature(tmp_path / "raw").describe(config)
    own = StandIn(tmp_path / "files", config, load_dataset(config, "miniature"), 10)
    work = {"ce/train": run_config(config, "miniature", 10, "ce", 0, "train")}
    found = measure_all(work, own, MACHINE, 60)["ce/train"]
    assert found.step > 0
    written = (own.store / "train_images.npy").stat()
    assert written.st_size > 100 * 3 * 48 * 72
    assert written.st_blocks * 512 < written.st_size / 10
