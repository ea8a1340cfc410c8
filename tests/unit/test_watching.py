"""What state a training is in, by its log and its weights."""

import json
import os
import time

import pytest
from scripts import REPO

from cogloat.results.epoch_line import EpochLine
from cogloat.runs.collections import Collection
from cogloat.runs.load import load_workflow
from cogloat.watching import PATIENCE, planned, trainings

NAME = "digits/if100/kcl/seed0/pretrain"
CONFIG = REPO / "config"


def line(epoch, epochs=100, left=60.0):
    return str(EpochLine(NAME, epoch, epochs, {"lr": "0.1", "loss": "2.5"}, 500, left))


def looked(tmp_path, *lines, age=0.0, weights=False, names=(NAME,), name=NAME):
    """Return the trainings after a log was written so long ago."""
    log = tmp_path / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(f"{text}\n" for text in lines))
    os.utime(log, (time.time() - age,) * 2)
    if weights:
        file = tmp_path / "results/runs" / name / "weights.pt"
        file.parent.mkdir(parents=True)
        file.touch()
    return trainings([*names], tmp_path / "logs", tmp_path / "results")


DAY = 86400.0


@pytest.mark.parametrize(
    ("lines", "age", "state"),
    [
        ([], 0.0, "running"),  # before its first epoch
        ([], DAY, "silent"),
        ([line(1), line(2)], 5.0, "running"),
        ([line(1), line(2)], PATIENCE + 1, "silent"),
        ([line(1), line(2, left=98 * 3600.0)], 2 * 3600.0, "running"),  # an epoch takes an hour
        ([line(1), line(2, left=98 * 3600.0)], 4 * 3600.0, "silent"),
        ([line(2), "error: the disk is full."], DAY, "failed"),
        ([line(2), "Traceback (most recent call last):", "  File", "KeyError: 1"], 0.0, "failed"),
        ([line(2), "stopped by SIGURG; the same command goes on from s.pt"], 0.0, "waiting"),
        ([line(2), "a library warns of something"], 0.0, "running"),
    ],
)
def test_state_is_by_what_was_said_and_when(tmp_path, lines, age, state):
    (own,) = looked(tmp_path, *lines, age=age)
    assert own.state == state
    assert own.age == pytest.approx(age, abs=5)
    assert (own.epoch and own.epoch.epoch) == (2 if lines else None)


def test_weights_are_the_end_whatever_the_log_says(tmp_path):
    (own,) = looked(tmp_path, line(2), "error: an earlier try", weights=True)
    assert own.state == "finished"


def test_without_a_log_it_waits(tmp_path):
    (own,) = trainings([NAME], tmp_path / "logs", tmp_path / "results")
    assert own.state == "waiting"


def test_of_others_those_that_run_are_shown(tmp_path):
    other = "digits/if100/coresets/glister/select"
    assert [own.name for own in looked(tmp_path, line(2), names=(), name=other)] == [other]
    assert looked(tmp_path, line(2), names=(), name=other, age=DAY) == []
    assert looked(tmp_path, "tabulating", names=(), name="demo/table2") == []


def test_end_of_a_long_log_is_enough(tmp_path):
    (own,) = looked(tmp_path, *[line(epoch, epochs=5000) for epoch in range(1, 4001)])
    assert own.epoch.epoch == 4000


def test_demo_has_a_name_for_every_stage_and_seed():
    demo = load_workflow(CONFIG).collections["demo"]
    names = planned(CONFIG, demo)
    assert len(names) == len(set(names)) == 2 * 2 * (1 + 3 * 2)
    assert "digits/if50/cogloat_proco/seed1/finetune" in names


def test_what_is_timed_is_not_trained_and_a_guide_comes_before_what_it_guides():
    grid = {"datasets": ["digits"], "factors": [100], "methods": ["kcl"]}
    tables = {
        "t": {"kind": "times", "rounds": 1, "steps": 1, **grid},
        "s": {"kind": "separability", "rarest": 3, "seeds": [4], **grid},
        "a": {"kind": "accuracy", "seeds": [4], **grid | {"methods": ["m2m_ldam"]}},
    }
    own = Collection.model_validate_json(json.dumps({"tables": tables}))
    assert planned(CONFIG, own) == [
        "digits/if100/kcl/seed4/pretrain",
        "digits/if100/ce/seed4/train",
        "digits/if100/m2m_ldam/seed4/train",
    ]
