"""Which steps are recorded and replayed; tests/cuda has what only a GPU can show of a recording."""

from typing import ClassVar

import pytest
import torch
from every_method import BATCH, CPU, STAGES, training

from cogloat.training import graphs
from cogloat.training.graphs import GraphedSteps, passes_of, steps_of
from cogloat.training.machine import Machine
from cogloat.training.step import take_step


class Computing:
    """A recording by a device that has none: it computes what it was given, when it is replayed.

    Attributes:
        made: phase and batch of each one, by all of them.
    """

    pool = None
    made: ClassVar[list] = []

    def __init__(self, objective, optimizer, machine, drawn, phase, pool=None):
        self._learn, self._phase = objective.learn, phase
        self._optimizer, self._machine = optimizer, machine
        self.made.append((phase, len(drawn.labels_B)))

    def replay(self, drawn):
        with self._machine.autocast():
            logged = self._learn(drawn, self._phase)
        self._optimizer.zero_grad()
        logged["loss"].backward()
        return {name: value.detach() for name, value in logged.items()}


class Refusing(Computing):
    def __init__(self, *given):
        raise RuntimeError("the driver is too old\nmore")


def trained(method, folder, take):
    """Take the steps of four epochs, among them the first and the last, and of a smaller batch."""
    own = training(method, folder)
    losses, last = [], own.epoch
    for epoch in (0, 1, last - 1, last):
        own.objective.train()
        own.objective.start_epoch(epoch)
        batches = list(own.objective.order(epoch).split(BATCH))
        if not hasattr(own.objective, "queue"):
            batches[-1] = batches[-1][: BATCH - 4]
        for step, positions in enumerate(batches):
            logged = take(own.objective, own.optimizer, own.machine, positions, epoch, step)
            losses.append({name: float(value) for name, value in logged.items()})
    return losses, own.state()


@pytest.mark.slow
@pytest.mark.parametrize("method", STAGES)
def test_draws_and_what_is_computed_of_them_are_the_step(method, tmp_path, monkeypatch):
    monkeypatch.setattr(graphs, "Recording", Computing)
    monkeypatch.setattr(Computing, "made", [])
    one, other = (trained(method, tmp_path, take) for take in (take_step, GraphedSteps()))
    assert one[0] == other[0]
    assert all(torch.equal(other[1][name], value) for name, value in one[1].items())
    assert Computing.made
    assert len(set(Computing.made)) == len(Computing.made)  # each kind once


@pytest.mark.slow
def test_a_phase_and_a_size_of_batch_have_recordings_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(graphs, "Recording", Computing)
    monkeypatch.setattr(Computing, "made", [])
    trained("ldam_drw", tmp_path, GraphedSteps())
    sizes = [("plain", BATCH), ("plain", BATCH - 4), ("weighted", BATCH), ("weighted", BATCH - 4)]
    assert Computing.made == sizes


@pytest.mark.slow
def test_where_nothing_can_be_recorded_it_is_said_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(graphs, "Recording", Refusing)
    one, other = (trained("ldam_drw", tmp_path, take) for take in (take_step, GraphedSteps()))
    assert one[0] == other[0]
    assert all(torch.equal(other[1][name], value) for name, value in one[1].items())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: steps are not recorded")
    assert line.endswith("the same bits: the driver is too old")


def test_a_processor_takes_steps_as_they_come():
    assert steps_of(Machine(CPU, 1, "float32")) is take_step
    assert isinstance(steps_of(Machine(torch.device("cuda"), 1, "float32")), GraphedSteps)


def test_passes_that_cannot_be_recorded_are_made_as_they_are(monkeypatch, capsys):
    def refused(_):
        raise RuntimeError("the driver is too old\nmore")

    streams, made = [], []
    monkeypatch.setattr("torch.cuda.current_stream", lambda: "first")
    monkeypatch.setattr("torch.cuda.set_stream", streams.append)
    monkeypatch.setattr("torch.cuda.CUDAGraph", lambda: None)
    monkeypatch.setattr("torch.cuda.graph", refused)
    passes = passes_of(Machine(torch.device("cuda"), 1, "float32"), lambda: made.append(1))
    passes()
    assert len(made) == 2
    assert streams == ["first"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: the passes of a step's networks are not recorded")
    assert line.endswith("the same bits: the driver is too old")


def test_a_processor_makes_passes_as_they_come():
    def action():
        raise AssertionError("nothing is done before")

    assert passes_of(Machine(CPU, 1, "float32"), action) is action
