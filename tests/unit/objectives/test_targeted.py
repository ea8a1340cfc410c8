"""TSC's objective: when its targets take part, its centroids and their assignment."""

import itertools

import miniature
import numpy as np
import pytest
import torch
from miniature import image_set
from torch.nn import functional as F

from cogloat.config.schema import TargetPoints, Targets
from cogloat.data.imageset import ImageSet
from cogloat.errors import UserError
from cogloat.models.targets import place_targets
from cogloat.objectives.targeted import Targeted

BATCH, DIMENSION = 8, 4
COUNTS = [20, 10, 6]
POSITIONS = torch.arange(0, 4 * BATCH, 4)
NO_CLASS_2 = torch.arange(BATCH)
POINTS = TargetPoints(temperature=0.07, lr=0.001, steps=1, seed=0)
SMALL = {"batch_size": BATCH, "queue": 4 * BATCH, "projection": (16, DIMENSION), "epochs": 10}


@pytest.fixture
def images() -> ImageSet:
    return image_set(COUNTS)


@pytest.fixture
def targets(tmp_path):
    path = tmp_path / "targets.npy"
    np.save(path, place_targets(len(COUNTS), DIMENSION, POINTS).numpy())
    return path


def build(method: str, images, points=None, **changes):
    config = miniature.configured(method, "pretrain", len(COUNTS), **(SMALL | changes))
    return miniature.build(config, images, targets=points)


def test_before_its_start_the_loss_is_kcls(images, targets):
    kcl = build("kcl", images)
    tsc = build("tsc", images, targets)
    tsc.query.load_state_dict(kcl.query.state_dict())
    for epoch in (0, 4):
        assert torch.equal(
            tsc.loss(POSITIONS, epoch, 0)["loss"], kcl.loss(POSITIONS, epoch, 0)["loss"]
        )
    assert not torch.equal(tsc.loss(POSITIONS, 5, 0)["loss"], kcl.loss(POSITIONS, 5, 0)["loss"])


def test_centroids_stay_random_until_the_start_and_move_by_momentum_afterwards(images, targets):
    objective = build("tsc", images, targets)
    before = objective.centroids_CD.clone()
    torch.testing.assert_close(before.norm(dim=1), torch.ones(3))
    objective.loss(NO_CLASS_2, 4, 0)
    assert torch.equal(objective.centroids_CD, before)
    queries = F.normalize(torch.randn(4, DIMENSION), dim=1)
    labels = torch.tensor([0, 0, 1, 0])
    objective._move_centroids(queries, labels)
    for label in (0, 1):
        mean = queries[labels == label].mean(dim=0)
        moved = 0.9 * before[label] + 0.1 * mean / mean.norm()
        torch.testing.assert_close(objective.centroids_CD[label], moved / moved.norm())
    assert torch.equal(objective.centroids_CD[2], before[2])  # absent from the batch


def test_assignment_is_the_best_of_all_permutations(images, targets):
    objective = build("tsc", images, targets)
    cosines = objective.centroids_CD @ objective._targets_CD.T
    best = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(float(cosines[c, target]) for c, target in enumerate(order)),
    )
    assert objective._assignment().tolist() == list(best)


@pytest.mark.parametrize("divisor", ["positives_and_target", "positives"])
def test_the_loss_is_the_formula_on_the_embeddings(images, targets, divisor):
    settings = Targets(weight=0.2, start=0.0, centroid_momentum=0.9, divisor=divisor)
    one = build("tsc", images, targets, targets=settings)
    one.loss(POSITIONS, 0, 0)  # the queue has labels afterwards
    two = build("tsc", images, targets, targets=settings)
    two.load_state_dict(one.state_dict())
    views = two._embed(POSITIONS, 1, 1)
    found = two._queue_positives(views.labels_B, 1, 1)
    assert found.any()
    query, own = views.queries_ABD[0], views.positives_BPD[:, 0]
    two._move_centroids(query.detach(), views.labels_B)
    assigned = two._assignment()
    total = 0.0
    for anchor, label in enumerate(views.labels_B):
        keys = [own[anchor], *two.queue.keys, *two._targets_CD]
        exponentials = [torch.exp(query[anchor] @ key / 0.07) for key in keys]
        log_p = [torch.log(e / sum(exponentials)) for e in exponentials]
        positives = [log_p[0], *(log_p[1 + k] for k in range(4 * BATCH) if found[anchor, k])]
        target = 0.2 * log_p[1 + 4 * BATCH + int(assigned[label])]
        if divisor == "positives":
            total -= sum(positives) / len(positives) + target
        else:
            total -= (sum(positives) + target) / (len(positives) + 1)
    loss = one.loss(POSITIONS, 1, 1)["loss"]
    torch.testing.assert_close(loss, total / BATCH, rtol=1e-4, atol=1e-5)


def test_the_state_dictionary_holds_the_centroids(images, targets):
    assert "centroids_CD" in build("tsc", images, targets).state_dict()


def test_missing_targets_or_targets_of_another_size_are_named(images, targets, tmp_path):
    with pytest.raises(UserError, match=r"tsc: its classes need targets\. Give --targets"):
        build("tsc", images)
    with pytest.raises(UserError, match=r"targets\.npy: 3 x 4 targets, but the run has 3 classes"):
        build("tsc", images, targets, projection=(16, 8))
    with pytest.raises(UserError, match=r"none\.npy: the targets are missing"):
        build("tsc", images, tmp_path / "none.npy")
    (tmp_path / "damaged.npy").write_bytes(targets.read_bytes()[:20])
    with pytest.raises(UserError, match=r"damaged\.npy: not an array of targets"):
        build("tsc", images, tmp_path / "damaged.npy")


def test_the_objective_is_the_one_the_configuration_names(images, targets):
    assert isinstance(build("tsc", images, targets), Targeted)
