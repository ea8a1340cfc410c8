"""The loop on a plane through points, against stochastic gradient descent written out by hand."""

import argparse
import io
import math
import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from cogloat.checkpoint import load_checkpoint
from cogloat.errors import UserError
from cogloat.methods.settings import Cosine, Optimizer, Steps, Training
from cogloat.training.loop import fit
from cogloat.training.machine import Machine, set_up_machine
from cogloat.training.resume import ResumeState
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step

CPU = torch.device("cpu")
MACHINE = Machine(CPU, 1, "float32")
SIZE = 10  # images, so batches of four, four and two
draw = np.random.default_rng(0)
POINTS, HEIGHTS = draw.normal(size=(SIZE, 3)), draw.normal(size=SIZE)


class Plane(nn.Module):
    """Squared errors of a plane, in float64; says what it is asked, and can be stopped on the way.

    Args:
        stop: the epoch and the step whose loss a signal comes in.
        crash: the same, of an error.
    """

    size = SIZE

    def __init__(self, stop=None, crash=None) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64))
        self.frozen = nn.Parameter(torch.tensor([5.0]).double(), requires_grad=False)
        self.offset = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.stop, self.crash = stop, crash
        self.seen: list[tuple[int, int, tuple[int, ...]]] = []
        self.started: list[int] = []
        self.modes: list[bool] = []

    def order(self, epoch):
        return torch.from_numpy(order(epoch))

    def start_epoch(self, epoch):
        self.started.append(epoch)
        self.modes.append(self.training)

    def loss(self, positions, epoch, step):
        if (epoch, step) == self.crash:
            raise RuntimeError("power cut")
        if (epoch, step) == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)
        self.seen.append((epoch, step, tuple(positions.tolist())))
        self.modes.append(self.training)
        points = torch.from_numpy(POINTS)[positions]
        errors = points @ self.slope + self.offset - torch.from_numpy(HEIGHTS)[positions]
        return {"loss": errors.square().mean(), "first": positions[0].double()}

    def end_epoch(self, epoch):
        self.eval()
        return {"offset": float(self.offset.detach()), "slope": float(self.slope[2].detach())}


def order(epoch):
    return np.random.default_rng(100 + epoch).permutation(SIZE)


def settings(**changes):
    described = {
        **{"objective": "plane", "epochs": 6, "batch_size": 4, "augmentation": "none"},
        "optimizer": Optimizer(lr=0.05, momentum=0.9, weight_decay=0.1),
        "schedule": Cosine(kind="cosine"),
        "drop_last": False,
    }
    return Training(**described | changes)


def train(objective, tmp_path, save_every=1000.0, machine=MACHINE, **changes):
    resume = ResumeState(tmp_path, {"code": "a"}, save_every, machine.process)
    return fit(objective, settings(**changes), machine, resume, "plane")


def by_hand(factors, restarts, optimizer, batch=4, batches=3):
    """v <- m v + (g + d w), w <- w - lr v; v is forgotten where a cycle begins.

    Returns:
        The slope and the offset after each epoch, and the mean loss over its images.
    """
    w, v = np.array([0.5, -1.0, 2.0, 0.3]), None
    after, losses = [], []
    for epoch, factor in enumerate(factors):
        if epoch in restarts:
            v = None
        total = 0.0
        seen = 0
        for step in range(batches):
            rows = order(epoch)[step * batch : (step + 1) * batch]
            x = np.column_stack([POINTS[rows], np.ones(len(rows))])
            errors = x @ w - HEIGHTS[rows]
            total += (errors**2).sum()
            seen += len(rows)
            gradient = 2 * x.T @ errors / len(rows) + optimizer.weight_decay * w
            v = gradient if v is None else optimizer.momentum * v + gradient
            w = w - optimizer.lr * factor * v
        after.append(w)
        losses.append(total / seen)
    return after, losses


SCHEDULES = {
    "one cosine": (
        Cosine(kind="cosine"),
        [(1 + math.cos(math.pi * e / 6)) / 2 for e in range(6)],
        {0},
    ),
    "two cosines": (Cosine(kind="cosine", cycles=2), [1, 0.75, 0.25] * 2, {0, 3}),
    "three cosines": (Cosine(kind="cosine", cycles=3), [1, 0.5] * 3, {0, 2, 4}),
    "warm-up and steps": (
        Steps(kind="steps", warmup=0.5, at=(0.6, 0.8), factors=(0.1, 0.01)),
        [1 / 3, 2 / 3, 1, 1, 0.1, 0.01],
        set(),
    ),
}
OPTIMIZERS = {
    "plain": Optimizer(lr=0.05, momentum=0.0, weight_decay=0.0),
    "momentum": Optimizer(lr=0.05, momentum=0.9, weight_decay=0.0),
    "decay": Optimizer(lr=0.05, momentum=0.0, weight_decay=0.1),
    "both": Optimizer(lr=0.03, momentum=0.5, weight_decay=0.2),
}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("schedule", "factors", "restarts"), SCHEDULES.values(), ids=SCHEDULES)
def test_every_epoch_is_that_of_sgd_by_hand(tmp_path, schedule, factors, restarts, optimizer):
    plane = Plane()
    history = train(plane, tmp_path, schedule=schedule, optimizer=optimizer)
    after, losses = by_hand(factors, restarts, optimizer)
    assert [row["lr"] for row in history] == pytest.approx([optimizer.lr * f for f in factors])
    assert [row["offset"] for row in history] == pytest.approx([w[3] for w in after], rel=1e-12)
    assert [row["slope"] for row in history] == pytest.approx([w[2] for w in after], rel=1e-12)
    assert [row["loss"] for row in history] == pytest.approx(losses, rel=1e-12)
    np.testing.assert_allclose(plane.slope.detach(), after[-1][:3], rtol=1e-12)
    assert plane.frozen.tolist() == [5]


def test_a_step_is_that_of_sgd_by_hand_and_keeps_no_gradient_of_the_last():
    plane, optimizer = Plane(), OPTIMIZERS["both"]
    sgd = Sgd(plane.parameters(), optimizer)
    for epoch in range(3):
        for step in range(3):
            positions = plane.order(epoch)[4 * step : 4 * step + 4]
            logged = take_step(plane, sgd, MACHINE, positions, epoch, step)
            assert logged.keys() == {"loss", "first"}
    (expected, *_) = by_hand([1] * 3, set(), optimizer)[0][::-1]
    np.testing.assert_allclose(plane.slope.detach(), expected[:3], rtol=1e-12)
    assert float(plane.offset.detach()) == pytest.approx(expected[3], rel=1e-12)
    assert [(epoch, step) for epoch, step, _ in plane.seen] == [divmod(n, 3) for n in range(9)]


# --- going on after an interruption ---


@pytest.mark.slow
@pytest.mark.parametrize("stop", [(0, 0), (2, 2), (3, 0), (3, 1), (4, 0), (5, 2)])
@pytest.mark.parametrize("optimizer", ["both", "momentum"])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, stop, optimizer):
    """Cycles begin in epochs 0 and 3: there the optimizer starts again once, not on resuming."""
    two = Cosine(kind="cosine", cycles=2)
    changes = {"schedule": two, "optimizer": OPTIMIZERS[optimizer]}
    whole, first, second = Plane(), Plane(stop=stop), Plane()
    expected = train(whole, tmp_path / "whole", **changes)
    with pytest.raises(SystemExit) as ended:
        train(first, tmp_path / "parts", **changes)
    assert ended.value.code == 128 + signal.SIGTERM
    assert first.seen[-1][:2] == stop
    assert train(second, tmp_path / "parts", **changes) == expected
    assert first.seen + second.seen == whole.seen
    assert first.started + second.started == whole.started
    assert torch.equal(second.slope, whole.slope)
    assert torch.equal(second.offset, whole.offset)
    assert all(second.modes)


def test_a_run_is_stopped_more_than_once(tmp_path):
    changes = {"schedule": Cosine(kind="cosine", cycles=2)}
    whole = Plane()
    expected = train(whole, tmp_path / "whole", **changes)
    parts = [Plane(stop=stop) for stop in ((0, 1), (0, 2), (3, 0), (3, 2))]
    for part in parts:
        with pytest.raises(SystemExit):
            train(part, tmp_path / "parts", **changes)
    parts.append(Plane())
    assert train(parts[-1], tmp_path / "parts", **changes) == expected
    assert [one for part in parts for one in part.seen] == whole.seen


@pytest.mark.parametrize(("save_every", "lost"), [(0.0, 0), (1000.0, 7)])
def test_a_killed_run_loses_what_was_done_since_the_last_save(tmp_path, save_every, lost):
    whole, first, second = Plane(), Plane(crash=(2, 1)), Plane()
    expected = train(whole, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power cut"):
        train(first, tmp_path / "parts", save_every)
    assert train(second, tmp_path / "parts", save_every) == expected
    assert len(first.seen) == 7
    assert second.seen == whole.seen[7 - lost :]


def test_a_run_that_is_killed_as_soon_as_it_went_on_loses_nothing_that_was_saved(tmp_path):
    whole, parts = Plane(), [Plane(stop=(3, 1)), Plane(crash=(3, 2)), Plane()]
    expected = train(whole, tmp_path / "whole")
    for part, ends in zip(parts, (SystemExit, RuntimeError), strict=False):
        with pytest.raises(ends):
            train(part, tmp_path / "parts")
    assert train(parts[-1], tmp_path / "parts") == expected
    assert [one for part in parts for one in part.seen] == whole.seen


def test_what_is_logged_is_saved_without_its_graph(tmp_path):
    with pytest.raises(SystemExit):
        train(Plane(stop=(1, 1)), tmp_path)
    (path,) = tmp_path.glob("*.pt")
    sums = load_checkpoint(path, "resume state")["sums"]
    assert {name: value.requires_grad for name, value in sums.items()} == dict.fromkeys(sums, False)


def test_a_state_is_written_before_the_first_step(tmp_path):
    first = Plane(crash=(0, 0))
    with pytest.raises(RuntimeError, match="power cut"):
        train(first, tmp_path)
    assert len(list(tmp_path.glob("*.pt"))) == 1


def test_a_finished_run_gives_its_history_without_training_again(tmp_path):
    first = train(Plane(), tmp_path)
    again = Plane()
    assert train(again, tmp_path) == first
    assert again.seen == []
    assert again.started == []


# --- what the objective is asked ---


def test_every_image_is_seen_once_an_epoch_in_the_epochs_order_in_training_mode(tmp_path):
    plane = Plane()
    history = train(plane, tmp_path)
    assert plane.seen == [
        (epoch, step, tuple(order(epoch)[4 * step : 4 * step + 4].tolist()))
        for epoch in range(6)
        for step in range(3)
    ]
    assert plane.started == list(range(6))
    assert all(plane.modes)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]


def test_dropping_the_last_batch_leaves_whole_ones(tmp_path):
    plane = Plane()
    history = train(plane, tmp_path, drop_last=True)
    assert [len(positions) for *_, positions in plane.seen] == [4] * 12
    _, losses = by_hand(SCHEDULES["one cosine"][1], {0}, settings().optimizer, batches=2)
    assert [row["loss"] for row in history] == pytest.approx(losses, rel=1e-12)


def test_what_is_logged_is_a_mean_over_images(tmp_path):
    """The last batch of two weighs half of a batch of four."""
    history = train(Plane(), tmp_path)
    for epoch, row in enumerate(history):
        first = order(epoch)[[0, 4, 8]]
        assert row["first"] == pytest.approx((4 * first[0] + 4 * first[1] + 2 * first[2]) / 10)
    assert list(history[0]) == ["epoch", "lr", "loss", "first", "offset", "slope"]


def test_means_of_float32_are_taken_in_float64(tmp_path):
    class Single(Plane):
        def loss(self, positions, epoch, step):
            third = (positions[0].float() + 1) / 3
            return super().loss(positions, epoch, step) | {"third": third}

    for epoch, row in enumerate(train(Single(), tmp_path)):
        thirds = (order(epoch)[[0, 4, 8]].astype(np.float32) + 1) / np.float32(3)
        expected = float(thirds.astype(np.float64) @ [4, 4, 2]) / 10
        assert row["third"] == pytest.approx(expected, rel=1e-14)


def test_weights_that_take_no_part_in_a_step_stay_as_they_are(tmp_path):
    """Momentum and decay do not move them."""

    class Once(Plane):
        def __init__(self):
            super().__init__()
            self.once = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

        def loss(self, positions, epoch, step):
            logged = super().loss(positions, epoch, step)
            return logged | {"loss": logged["loss"] + self.once} if epoch + step == 0 else logged

    once = Once()
    train(once, tmp_path)
    assert float(once.once.detach()) == pytest.approx(2 - 0.05 * (1 + 0.1 * 2), rel=1e-12)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_the_loss_is_computed_in_the_machines_precision(tmp_path, precision, dtype):
    dtypes = set()

    class Product(Plane):
        def loss(self, positions, epoch, step):
            dtypes.add((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
            return super().loss(positions, epoch, step)

    train(Product(), tmp_path, machine=Machine(CPU, 1, precision))
    assert dtypes == {dtype}


# --- messages ---


@pytest.mark.parametrize(("batch", "drop_last"), [(11, True), (16, True)])
def test_fewer_images_than_a_whole_batch_is_one_message(tmp_path, batch, drop_last):
    with pytest.raises(UserError, match=f"batch_size: {batch} is more than the 10 training images"):
        train(Plane(), tmp_path, drop_last=drop_last, batch_size=batch)


def test_one_batch_of_all_images_is_enough(tmp_path):
    for drop_last in (True, False):
        plane = Plane()
        train(plane, tmp_path / str(drop_last), drop_last=drop_last, batch_size=10)
        assert [len(positions) for *_, positions in plane.seen] == [10] * 6
    plane = Plane()
    train(plane, tmp_path / "larger", batch_size=16)
    assert [len(positions) for *_, positions in plane.seen] == [10] * 6


@pytest.mark.parametrize("slope", ["inf", "nan"])
def test_a_number_that_is_not_finite_is_named_with_its_step(tmp_path, slope):
    plane = Plane()
    plane.slope.data.fill_(float(slope))
    with pytest.raises(UserError, match=r"plane: epoch 1, step 1: slope is not finite before the"):
        train(plane, tmp_path)


def test_log_has_one_line_an_epoch_with_rate_and_time_left(tmp_path, capsys, monkeypatch):
    """By a clock that moves on by two seconds at each look: ten images take two seconds."""
    clock = SimpleNamespace(monotonic=iter(range(0, 1000, 2)).__next__)
    monkeypatch.setattr("cogloat.training.loop.time", clock)
    train(Plane(), tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[1].startswith("plane epoch 2/6 lr 0.04665 loss ")
    assert lines[1].endswith(" 5 images/s ETA 8 s")
    assert lines[5].endswith(" 5 images/s ETA 0 s")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("drop_last", "images"), [(False, 60), (True, 48)])
def test_a_terminal_has_a_bar_over_all_images(tmp_path, monkeypatch, drop_last, images):
    """A finished run's is full at once."""
    bars = []
    for _ in range(2):
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        train(Plane(), tmp_path, drop_last=drop_last)
        bars.append(terminal.getvalue().split("\r"))
    assert bars[0][1].startswith(f"plane:   0%|          | 0.00/{images:.1f} ")
    assert bars[0][-1].startswith(f"plane: 100%|##########| {images:.1f}/{images:.1f} ")
    assert "img/s, epoch=6, lr=0.003349, loss=" in bars[0][-1]
    assert bars[1][1].startswith(f"plane: 100%|##########| {images:.1f}/{images:.1f} ")
    assert not any("epoch 1" in part for bar in bars for part in bar)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"device": "cuda:99"}, "--device cuda:99: .*Use --device cpu or auto"),
        ({"device": "gpu"}, "--device gpu: "),
        ({"device": "meta"}, "only cpu and cuda are known"),
    ],
)
def test_machine_that_does_not_exist_is_named(flags, message):
    known = {"device": "cpu", "threads": 1, "precision": "float32", "arithmetic": "native"}
    args = argparse.Namespace(**known | flags)
    with pytest.raises(UserError, match=message):
        set_up_machine(args)
