import os
import signal

import pytest
import torch

from cogloat.errors import UserError
from cogloat.ranks import ALONE
from cogloat.results.provenance import Process
from cogloat.training.resume import Interruption, ResumeState, stop

IDENTITY = {"configuration": "a", "code": "b", "split": "c", "store": "d", "precision": "float32"}


def process(seconds: float = 1.0, threads: int = 1) -> Process:
    return Process(
        device="a processor",
        cpu_capability="DEFAULT",
        threads=threads,
        precision="float32",
        image=None,
        versions={"torch": "2"},
        seconds=seconds,
    )


def resume(folder, identity=IDENTITY, made_by=process):
    return ResumeState(folder, identity, 0, made_by)


def test_state_of_the_same_run_comes_back(tmp_path):
    state = resume(tmp_path)
    assert state.load() is None
    state.save({"epoch": 3, "weights": torch.arange(4)})
    assert resume(tmp_path).load()["epoch"] == 3
    state.remove()
    assert state.load() is None


def test_order_of_what_makes_the_run_does_not_matter(tmp_path):
    resume(tmp_path).save({"epoch": 3})
    assert resume(tmp_path, dict(reversed(IDENTITY.items()))).load()["epoch"] == 3


@pytest.mark.parametrize("changed", IDENTITY)
def test_state_of_another_run_is_left_alone_and_what_differs_is_said(tmp_path, changed, capsys):
    first = resume(tmp_path)
    first.save({"epoch": 3})
    other = resume(tmp_path, IDENTITY | {changed: "other"})
    assert other.load() is None
    said = capsys.readouterr().err
    assert said == f"starting afresh: {first.path} was made with another {changed}\n"
    other.save({"epoch": 1})
    other.remove()
    assert resume(tmp_path).load()["epoch"] == 3


def test_state_that_was_given_another_runs_name_is_refused(tmp_path):
    other = resume(tmp_path, IDENTITY | {"store": "other"})
    other.save({"epoch": 3})
    other.path.rename(resume(tmp_path).path)
    with pytest.raises(UserError, match=r"this is not the resume state of this run\. Delete it"):
        resume(tmp_path).load()


@pytest.mark.parametrize("content", [{"weight": torch.zeros(3)}, {"processes": [], "epoch": 1}])
def test_foreign_checkpoint_is_refused_as_resume_state(tmp_path, content):
    torch.save(content, resume(tmp_path).path)
    with pytest.raises(UserError, match=r"this is not the resume state of this run\. Delete it"):
        resume(tmp_path).load()


def test_processes_add_up_over_interruptions(tmp_path):
    for seconds in (2.0, 3.0):
        state = resume(tmp_path, made_by=lambda seconds=seconds: process(seconds, int(seconds)))
        state.load()
        state.save({"epoch": 1})
        state.save({"epoch": 2})
    assert [one.seconds for one in state.processes] == [2.0, 3.0]
    assert [one.threads for one in state.processes] == [2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_warning_signal_is_noted_and_exit_status_tells_it(tmp_path, number, capsys):
    with Interruption() as interruption:
        os.kill(os.getpid(), number)
        assert interruption.signal == number
        with pytest.raises(SystemExit) as stopped:
            stop(interruption.signal, tmp_path / "state.pt", ALONE)
    assert stopped.value.code == 128 + number
    assert "the same command goes on" in capsys.readouterr().err
