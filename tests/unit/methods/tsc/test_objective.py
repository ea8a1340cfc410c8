"""TSC's objective: when its targets take part, its centroids and their assignment."""

import itertools

import formulas
import numpy as np
import pytest
import torch
from miniature import build, configured, numbered
from pair import BATCH, DIMENSION, SMALL, Pair, found_in_queue
from torch.nn import functional as F

from cogloat.errors import UserError
from cogloat.methods.moco.settings import ConstantTemperature, Positives
from cogloat.methods.settings import Cosine
from cogloat.methods.tsc.objective import Tsc
from cogloat.methods.tsc.settings import TargetPoints, Targets
from cogloat.methods.tsc.targets import place_targets

COUNTS = [11, 6, 4, 3]
IMAGES = numbered(COUNTS)
POINTS = TargetPoints(temperature=0.07, lr=0.001, steps=1, seed=0)
WARM = {
    "temperature": ConstantTemperature(kind="constant", value=0.6),
    "positives": Positives(from_dataset=0, from_queue=2),
}


@pytest.fixture
def targets(tmp_path):
    path = tmp_path / "targets.npy"
    np.save(path, place_targets(len(COUNTS), DIMENSION, POINTS).numpy())
    return path


def settings(**changes) -> Targets:
    shipped = {
        "weight": 0.2,
        "start": 0.5,
        "centroid_momentum": 0.9,
        "divisor": "positives_and_target",
    }
    return Targets(**shipped | changes)


def moved(centroids, queries, labels):
    """Centroids of a batch's classes go a tenth of the way to the direction of its mean query."""
    out = centroids.clone()
    for label in set(labels):
        mean = sum(q for q, y in zip(queries, labels, strict=True) if y == label)
        out[label] = 0.9 * centroids[label] + 0.1 * mean / mean.square().sum().sqrt()
        out[label] = out[label] / out[label].square().sum().sqrt()
    return out


def best(centroids, points):
    """The target of each class, by trying every assignment."""
    return max(
        itertools.permutations(range(len(points))),
        key=lambda order: sum(
            float(centroids[c] @ points[target]) for c, target in enumerate(order)
        ),
    )


@pytest.mark.slow
@pytest.mark.parametrize("scale", [None, 0.2])
@pytest.mark.parametrize("divisor", ["positives_and_target", "positives"])
def test_every_step_is_kcls_before_the_start_and_the_formula_from_it_on(targets, divisor, scale):
    """Epochs 3 and 4 of ten are KCL's; in 5 and 6 centroids move, then classes are assigned."""
    changes = {"targets": settings(divisor=divisor), "loss_scale": scale}
    pair = Pair("tsc", IMAGES, {"targets": targets}, **WARM | changes)
    centroids = pair.objective.assignment.centroids_CD.double()
    torch.testing.assert_close(centroids.norm(dim=1), torch.ones(4).double())
    points, assignments = torch.from_numpy(np.load(targets)), set()
    taus = [0.6] * BATCH
    for epoch in range(3, 7):
        for made in pair.steps(range(epoch, epoch + 1)):
            found = found_in_queue(made, points)
            if epoch < 5:
                nothing = torch.zeros_like(found)
                expected = formulas.contrast(
                    *(made.queries_ABD[0], made.positives_BPD, made.queue_KD, taus, found, nothing),
                    separate=False,
                    scale=scale,
                )
            else:
                centroids = moved(centroids, made.queries_ABD[0].detach(), made.labels)
                order = best(centroids, points)
                assignments.add(order)
                expected = formulas.tsc(
                    *(made.queries_ABD[0], made.positives_BPD[:, 0], made.queue_KD, found, points),
                    *([order[label] for label in made.labels], taus, 0.2, divisor, scale),
                )
            torch.testing.assert_close(made.logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
            (gradient,) = torch.autograd.grad(expected, made.table)
            torch.testing.assert_close(made.gradient, gradient, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(
                pair.objective.assignment.centroids_CD.double(), centroids, rtol=1e-5, atol=1e-5
            )
    assert len(assignments) > 1  # decided anew in every step


def test_a_class_that_is_not_in_the_batch_keeps_its_centroid(targets):
    pair = Pair("tsc", IMAGES, {"targets": targets}, targets=settings(start=0.0), **WARM)
    before = pair.objective.assignment.centroids_CD.clone()
    positions = (IMAGES.labels_N == 1).nonzero()[:BATCH, 0]
    pair.step(positions, 0, 0)
    same = [
        torch.equal(*rows)
        for rows in zip(pair.objective.assignment.centroids_CD, before, strict=True)
    ]
    assert same == [True, False, True, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "cycles", "epochs", "first"), [(0.5, 2, 9, 5), (0.0, 2, 9, 0), (0.04, 10, 10, 1)]
)
def test_the_start_is_a_share_rounded_half_up_and_at_least_one_epoch(
    targets, start, cycles, epochs, first
):
    changes = WARM | {"epochs": epochs, "schedule": Cosine(kind="cosine", cycles=cycles)}
    kcl = Pair("kcl", IMAGES, **changes)
    tsc = Pair("tsc", IMAGES, {"targets": targets}, targets=settings(start=start), **changes)
    positions, differ = torch.arange(BATCH), []
    for epoch in range(epochs):
        for pair in (kcl, tsc):
            pair.objective.queue.keys.copy_(formulas.unit(12, DIMENSION, seed=epoch))
        one, two = (pair.step(positions, epoch, 0).logged["loss"] for pair in (kcl, tsc))
        differ.append(not torch.allclose(one, two, rtol=1e-4))
    assert differ == [epoch >= first for epoch in range(epochs)]


def test_centroids_begin_as_random_directions_and_are_part_of_the_state(targets):
    objective = Pair("tsc", IMAGES, {"targets": targets}).objective
    assert "assignment.centroids_CD" in objective.state_dict()
    assert objective.assignment.centroids_CD.shape == (4, DIMENSION)
    assert (
        float(
            (objective.assignment.centroids_CD @ objective.assignment.centroids_CD.T)
            .triu(1)
            .abs()
            .max()
        )
        < 0.7
    )
    assert not F.cosine_similarity(*objective.assignment.centroids_CD[:2], dim=0).isclose(
        torch.tensor(-1 / 3)
    )


def test_missing_targets_or_targets_of_another_size_are_named(targets, tmp_path):
    def made(points=None, **changes):
        config = configured("tsc", "pretrain", len(COUNTS), **(SMALL | changes))
        return build(config, IMAGES, **({} if points is None else {"targets": points}))

    assert isinstance(made(targets), Tsc)
    with pytest.raises(UserError, match=r"its targets\. Give it: --input targets=FILE"):
        made()
    with pytest.raises(UserError, match=r"targets\.npy: 4 x 24 targets, but the run has 4 classes"):
        made(targets, projection=(16, 8))
    with pytest.raises(UserError, match=r"none\.npy: the targets are missing"):
        made(tmp_path / "none.npy")
    (tmp_path / "damaged.npy").write_bytes(targets.read_bytes()[:20])
    with pytest.raises(UserError, match=r"damaged\.npy: not a NumPy array"):
        made(tmp_path / "damaged.npy")
