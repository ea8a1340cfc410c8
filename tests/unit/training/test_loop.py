"""The loop on the smallest objective there is: a line through points."""

import argparse

import pytest
import torch
from torch import nn

from cogloat.config.schema import Cosine, Optimizer, Training
from cogloat.errors import UserError
from cogloat.training.loop import fit
from cogloat.training.machine import Machine, set_up_machine
from cogloat.training.resume import ResumeState


class Line(nn.Module):
    size = 10

    def __init__(self, slope: float = 1.0) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.frozen = nn.Parameter(torch.tensor(5.0), requires_grad=False)
        self.seen: list[list[int]] = []

    def order(self, epoch):
        return torch.randperm(self.size, generator=torch.Generator().manual_seed(epoch))

    def start_epoch(self, epoch):
        self.seen.append([])

    def loss(self, positions, epoch, step):
        self.seen[-1] += positions.tolist()
        return {"loss": (self.slope * positions.float() - 3).square().mean() / 100}

    def end_epoch(self, epoch):
        return {"slope": float(self.slope.detach())}


def settings(**changes):
    described = {
        **{"objective": "classification", "epochs": 4, "batch_size": 4, "augmentation": "none"},
        "optimizer": Optimizer(lr=0.1, momentum=0.5, weight_decay=0.0),
        "schedule": Cosine(kind="cosine"),
        "drop_last": False,
    }
    return Training(**described | changes)


def train(objective, tmp_path, **changes):
    machine = Machine(torch.device("cpu"), 1, "float32")
    resume = ResumeState(tmp_path / "state.pt", {"code": "a"}, save_every=1000)
    return fit(objective, settings(**changes), machine, resume, "line")


def test_every_image_is_seen_once_an_epoch_in_another_order(tmp_path):
    line = Line()
    history = train(line, tmp_path)
    assert [sorted(seen) for seen in line.seen] == [list(range(10))] * 4
    assert len({tuple(seen) for seen in line.seen}) == 4
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert history[0]["lr"] == pytest.approx(0.1)
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["slope"] == float(line.slope.detach())
    assert float(line.frozen) == 5


def test_dropping_the_last_batch_leaves_whole_ones(tmp_path):
    line = Line()
    train(line, tmp_path, drop_last=True)
    assert [len(seen) for seen in line.seen] == [8] * 4


def test_logged_loss_is_the_mean_over_images(tmp_path):
    line = Line()
    history = train(line, tmp_path, optimizer=Optimizer(lr=1e-9, momentum=0.0, weight_decay=0.0))
    positions = torch.arange(10).float()
    expected = float((positions - 3).square().mean() / 100)
    assert history[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_fewer_images_than_a_whole_batch_is_one_message(tmp_path):
    with pytest.raises(UserError, match="batch_size: 16 is more than the 10 training images"):
        train(Line(), tmp_path, drop_last=True, batch_size=16)


def test_diverging_loss_ends_with_the_epoch_and_the_fix(tmp_path):
    with pytest.raises(UserError, match=r"line: the loss is (nan|inf) in epoch 1\. Lower optim"):
        train(Line(slope=float("inf")), tmp_path)


def test_log_has_one_line_an_epoch_with_rate_and_time_left(tmp_path, capsys):
    train(Line(), tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("line epoch 2/4 lr 0.08536 loss ")
    assert "images/s ETA" in lines[1]


def test_finished_state_gives_the_history_without_training_again(tmp_path):
    first = train(Line(), tmp_path)
    again = Line()
    assert train(again, tmp_path) == first
    assert again.seen == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"device": "cuda:99"}, "--device cuda:99: .*Use --device cpu or auto"),
        ({"device": "gpu"}, "--device gpu: "),
        ({"device": "meta"}, "only cpu and cuda are known"),
        ({"threads": 0}, "--threads 0: at least 1"),
    ],
)
def test_machine_that_does_not_exist_is_named(flags, message):
    args = argparse.Namespace(**{"device": "cpu", "threads": 1, "precision": "float32"} | flags)
    with pytest.raises(UserError, match=message):
        set_up_machine(args)
