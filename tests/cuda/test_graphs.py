"""Steps replayed from a graph against steps taken operation by operation. Skipped without a GPU."""

import pytest
import torch
from every_method import BATCH, COUNTS, STAGES, training

from cogloat.training import timing
from cogloat.training.graphs import GraphedSteps
from cogloat.training.step import take_step

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.usefixtures("exact"),
]
GPU = torch.device("cuda")
STEPS = sum(COUNTS) // BATCH


def trained(method, folder, take, precision):
    """Return what a training logs in its first and last epochs, and the state that it ends in."""
    own = training(method, folder, GPU, precision)
    last, losses = own.epoch, []
    for epoch in (0, 1, last - 1, last):
        own.objective.train()
        own.objective.start_epoch(epoch)
        own.optimizer.lr = 0.1 / (1 + epoch)
        for step, positions in enumerate(own.objective.order(epoch).split(BATCH)[:STEPS]):
            logged = take(own.objective, own.optimizer, own.machine, positions, epoch, step)
            losses.append({name: float(value) for name, value in logged.items()})
        own.objective.end_epoch(epoch)
    return losses, own.state()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", STAGES)
def test_graphs_end_in_the_same_bits(method, precision, tmp_path, monkeypatch):
    replayed = []
    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(
        torch.cuda.CUDAGraph, "replay", lambda own: (replayed.append(own), replay(own))[1]
    )
    one, other = (
        trained(method, tmp_path, take, precision) for take in (take_step, GraphedSteps())
    )
    assert len(replayed) >= 2 * STEPS - 1
    assert one[0] == other[0]
    assert all(torch.equal(other[1][name], value) for name, value in one[1].items())


@pytest.mark.parametrize("method", ["ce", "bcl", "paco", "kcl", "cogloat_proco"])
def test_a_recorded_floor_makes_the_passes_of_one_that_is_not(method, tmp_path, monkeypatch):
    own = training(method, tmp_path, GPU, "bfloat16")
    recorded = timing.Floor(own.objective, own.config, own.machine, own.epoch)
    monkeypatch.setattr(timing, "passes_of", lambda _, action: action)
    plain = timing.Floor(own.objective, own.config, own.machine, own.epoch)
    recorded.run(3)
    plain.run(4)  # one pass comes before the recording
    statistics = [
        {name: value for network in floor.networks for name, value in network.state_dict().items()}
        for floor in (recorded, plain)
    ]
    assert any("running_mean" in name for name in statistics[0])
    assert all(torch.equal(statistics[1][name], value) for name, value in statistics[0].items())
