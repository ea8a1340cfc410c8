import os
import signal

import pytest
import torch

from cogloat.errors import UserError
from cogloat.training.resume import Interruption, ResumeState

IDENTITY = {"configuration": "a", "code": "b", "split": "c"}


def test_state_of_the_same_run_comes_back(tmp_path):
    state = ResumeState(tmp_path / "state.pt", IDENTITY, save_every=0)
    assert state.load() is None
    state.save({"epoch": 3, "weights": torch.arange(4)})
    assert state.load()["epoch"] == 3
    state.remove()
    assert state.load() is None


@pytest.mark.parametrize("changed", IDENTITY)
def test_state_of_another_run_is_refused_with_the_reason(tmp_path, changed):
    path = tmp_path / "state.pt"
    ResumeState(path, IDENTITY, save_every=0).save({"epoch": 3})
    other = ResumeState(path, IDENTITY | {changed: "other"}, save_every=0)
    with pytest.raises(UserError, match=rf"made with another {changed}\. Delete it to start over"):
        other.load()


def test_foreign_checkpoint_is_refused_as_resume_state(tmp_path):
    path = tmp_path / "state.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match="another configuration and code and split"):
        ResumeState(path, IDENTITY, save_every=0).load()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_warning_signal_is_noted_and_exit_status_tells_it(tmp_path, number, capsys):
    with Interruption() as interruption:
        os.kill(os.getpid(), number)
        assert interruption.signal == number
        with pytest.raises(SystemExit) as stopped:
            interruption.exit(tmp_path / "state.pt")
    assert stopped.value.code == 128 + number
    assert "the same command goes on" in capsys.readouterr().err
