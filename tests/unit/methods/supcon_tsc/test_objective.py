"""TSC within the batch: when its targets take part, its centroids and their assignment."""

import itertools

import formulas
import numpy as np
import pytest
import torch
from miniature import build, configured, numbered
from single import BATCH, DIMENSION, SMALL, Single

from cogloat.errors import UserError
from cogloat.methods.moco.settings import ConstantTemperature
from cogloat.methods.supcon.settings import BatchPositives
from cogloat.methods.supcon_tsc.objective import TscInBatch
from cogloat.methods.tsc.settings import TargetPoints, Targets
from cogloat.methods.tsc.targets import place_targets

COUNTS = [11, 6, 5, 3]  # so that the last of seven batches is one image
IMAGES = numbered(COUNTS)
POINTS = TargetPoints(temperature=0.07, lr=0.001, steps=1, seed=0)
TAU, SCALE = 0.6, 0.2
WARM = {
    "temperature": ConstantTemperature(kind="constant", value=TAU),
    "loss_scale": SCALE,
    "positives": BatchPositives(from_dataset=0, from_batch=2, gradient=True),
}


@pytest.fixture
def targets(tmp_path):
    path = tmp_path / "targets.npy"
    np.save(path, place_targets(len(COUNTS), DIMENSION, POINTS).numpy())
    return path


def settings(**changes) -> Targets:
    ours = {"weight": 0.2, "start": 0.5, "centroid_momentum": 0.5, "divisor": "positives"}
    return Targets(**ours | changes)


def moved(centroids, anchors, labels):
    """Centroids go half the way to the direction of the mean of both views of their class."""
    out = centroids.clone()
    for label in set(labels):
        mean = sum(v for v, y in zip(anchors, labels, strict=True) if y == label)
        out[label] = 0.5 * centroids[label] + 0.5 * mean / mean.square().sum().sqrt()
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


def expected_tsc(made, points, assigned, divisor):
    """The formula of the queue, each anchor with the views of other images as its queue."""
    z, n = made.anchors_ND, len(made.labels)
    total = torch.zeros((), dtype=torch.float64)
    for i in range(n):
        own = (i + n // 2) % n
        seen = [a for a in range(n) if a not in (i, own)]
        row = (z[[i]], z[[own]], z[seen], made.found_NN[[i]][:, seen], points, [assigned[i]], [TAU])
        total = total + formulas.tsc(*row, 0.2, divisor)
    return total / n * TAU / SCALE


@pytest.mark.slow
@pytest.mark.parametrize("divisor", ["positives_and_target", "positives"])
def test_every_step_is_kcls_before_the_start_and_the_formula_from_it_on(targets, divisor):
    """Epoch 4 of ten is KCL's; in 5 to 8 centroids move, then classes are assigned."""
    single = Single(
        "tsc_inbatch", IMAGES, {"targets": targets}, targets=settings(divisor=divisor), **WARM
    )
    assignment = single.objective.assignment
    centroids = assignment.centroids_CD.double()
    points, assignments = torch.from_numpy(np.load(targets)), set()
    for epoch in range(4, 9):
        for made in single.steps(range(epoch, epoch + 1)):
            if epoch < 5:
                expected = formulas.in_batch(
                    *(made.anchors_ND, made.positives_NPD, [TAU] * len(made.labels)),
                    made.found_NN,
                    separate=False,
                    scale=SCALE,
                )
            else:
                centroids = moved(centroids, made.anchors_ND.detach(), made.labels)
                order = best(centroids, points)
                assignments.add(order)
                assigned = [order[label] for label in made.labels]
                expected = expected_tsc(made, points, assigned, divisor)
            torch.testing.assert_close(made.logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
            (gradient,) = torch.autograd.grad(expected, made.table)
            torch.testing.assert_close(made.gradient, gradient, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(
                assignment.centroids_CD.double(), centroids, rtol=1e-5, atol=1e-5
            )
    assert len(assignments) > 1  # decided anew in every step


def test_centroids_are_part_of_the_state_and_it_is_all(targets):
    def made():
        return build(configured("tsc_inbatch", "pretrain", 4, **SMALL), IMAGES, targets=targets)

    one, two = made(), made()
    assert "assignment.centroids_CD" in one.state_dict()
    one.loss(torch.arange(BATCH), 9, 0)
    two.load_state_dict(one.state_dict())
    torch.manual_seed(1)
    losses = [objective.loss(torch.arange(BATCH), 9, 3)["loss"] for objective in (one, two)]
    assert torch.equal(*losses)
    assert all(torch.equal(one.state_dict()[k], v) for k, v in two.state_dict().items())


def test_missing_targets_or_targets_of_another_size_are_named(targets):
    def made(points=None, **changes):
        config = configured("tsc_inbatch", "pretrain", len(COUNTS), **(SMALL | changes))
        return build(config, IMAGES, **({} if points is None else {"targets": points}))

    assert isinstance(made(targets), TscInBatch)
    with pytest.raises(UserError, match=r"its targets\. Give it: --input targets=FILE"):
        made()
    with pytest.raises(UserError, match=r"targets\.npy: 4 x 24 targets, but the run has 4 classes"):
        made(targets, projection=(16, 8))
