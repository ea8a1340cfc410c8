"""The gate: what a step dispatches and where it waits, within the bounds of config/bench.yaml."""

import pytest
import torch
from miniature import CONFIG

from cogloat.bench import counted
from cogloat.bench.scene import make_scene
from cogloat.config.reading import load
from cogloat.data.augmentation import Augmentation
from cogloat.methods.classifier.objective import Classification
from cogloat.runs.bench import Bench

BENCH = load(Bench, CONFIG / "bench.yaml")
ROWS = {
    row.of: row
    for group in BENCH.groups.values()
    for row in group.rows
    if row.quantities[0].kind == "counted"
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return make_scene(CONFIG, BENCH, tmp_path_factory.mktemp("scene"), 1, small=True)


def state(scene, of):
    """Return how a count stands to its goal and its bound, and what it is made of."""
    (found,) = counted.measure(ROWS[of].quantities, scene).values()
    return ROWS[of].state(found.rounds[0]), f"{of}: {found.rounds[0]:.0f}: {found.note}"


@pytest.mark.slow
@pytest.mark.parametrize("of", ROWS)
def test_a_step_is_within_its_bound(scene, of):
    found, note = state(scene, of)
    assert found in ("met", "missed"), note


@pytest.mark.slow
def test_a_count_is_the_same_each_time(scene):
    once, again = (counted.operations(scene, "ce") for _ in range(2))
    assert once == again


def read_its_value(self, *args):
    loss = LOSS(self, *args)
    loss["loss"].item()
    return loss


LOSS = Classification._learn


@pytest.mark.slow
def test_a_value_that_is_read_in_the_step_fails(scene, monkeypatch):
    monkeypatch.setattr(Classification, "_learn", read_its_value)
    found, note = state(scene, "ce.synchronisations")
    assert found == "failed", note
    assert "_local_scalar_dense" in note


def one_by_one(self, images, generator):
    return torch.cat([CALL(self, image[None], generator) for image in images])


CALL = Augmentation.__call__


@pytest.mark.slow
def test_an_augmentation_image_by_image_fails(scene, monkeypatch):
    monkeypatch.setattr(Augmentation, "__call__", one_by_one)
    found, note = state(scene, "ce.operations")
    assert found == "failed", note
