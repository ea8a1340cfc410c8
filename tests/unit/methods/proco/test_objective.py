"""ProCo's prototypes and its joint loss, seen from outside: from which images, views and pass."""

import formulas
import pytest
import torch
from miniature import numbered, rows_of
from pair import BATCH, DIMENSION, Pair
from torch.nn import functional as F

from cogloat.methods.proco.settings import Prototypes

COUNTS = [13, 6, 5]
IMAGES = numbered(COUNTS)
CORESET = numbered([7, 3, 2], first=len(IMAGES))
LARGE = numbered([600, 300, 250], first=len(IMAGES))  # three parts of a pass
SETTINGS = Prototypes(alpha=0.7, coreset="glister", temperature=0.3, query_views=2)


def made(coreset=CORESET, **changes) -> Pair:
    return Pair("cogloat_proco", IMAGES, {"coreset": coreset}, prototypes=SETTINGS, **changes)


def means(pair, rows, coreset):
    """Return normalised class means [C, D] of what the key encoder makes of the coreset's rows."""
    key = pair.objective.key
    embedded = rows_of(key.table.to(key.dtype), rows).double()
    labels = [int(coreset.labels_N[number - len(IMAGES)]) for number, _ in rows]
    sums = [
        sum(e for e, y in zip(embedded, labels, strict=True) if y == label) for label in range(3)
    ]
    return torch.stack([total / total.square().sum().sqrt() for total in sums])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("coreset", [CORESET, LARGE], ids=["one part", "three parts"])
def test_prototypes_are_the_key_encoders_class_means_of_two_views_of_the_coreset(coreset, dtype):
    """Means in float32, whatever the embeddings are in."""
    pair, seen = made(coreset, dtype=dtype), []
    key = pair.objective.key
    for epoch in range(3):
        key.table.data.copy_(F.normalize(torch.randn_like(key.table), dim=2))
        key.given.clear()
        pair.objective.start_epoch(epoch)
        assert not any(given.training or given.gradient for given in key.given)
        assert key.training
        rows = [row for given in key.given for row in given.rows]
        size = len(coreset)
        assert len(rows) == 2 * size
        views = rows[:size], rows[size:]
        for view, prototypes in zip(views, pair.objective.prototypes.views_QCD, strict=True):
            numbers = [number for number, _ in view]
            assert sorted(numbers) == list(range(len(IMAGES), len(IMAGES) + size))
            expected = means(pair, view, coreset)
            torch.testing.assert_close(prototypes.double(), expected, rtol=1e-5, atol=1e-5)
            seen.append(tuple(flipped for _, flipped in view))
    assert len(set(seen)) == 6  # each view of each epoch is an augmentation of its own
    if coreset is LARGE:
        assert [len(given.numbers) for given in key.given] == [512, 512, 126] * 2
        parts = [view[start : start + 250] for view in seen for start in (0, 512, 1024)]
        assert len({part[:100] for part in parts}) == 18


@pytest.mark.slow
def test_every_step_is_the_joint_loss_of_its_terms_on_what_the_encoders_were_given():
    check(made())


def test_embeddings_in_bfloat16_are_compared_in_float32():
    check(made(dtype=torch.bfloat16), gradients=False)


def check(pair, *, gradients=True):
    for epoch in range(2):
        pair.objective.start_epoch(epoch)
        kept = pair.objective.prototypes.views_QCD.clone()
        for number, positions in enumerate(pair.objective.order(epoch).split(BATCH)):
            step = pair.step(positions, epoch, number)
            assert torch.equal(pair.objective.prototypes.views_QCD, kept)
            nothing = torch.zeros(BATCH, len(step.queue_KD), dtype=torch.bool)
            contrast = formulas.contrast(
                step.queries_ABD[0],
                step.positives_BPD,
                step.queue_KD,
                [0.07 + 0.93 * COUNTS[y] / max(COUNTS) for y in step.labels],
                nothing,
                nothing,
                separate=True,
            )
            to_prototypes = formulas.proco(step.queries_ABD, kept.double(), step.labels, 0.3)
            joint = 0.7 * contrast + 0.3 * to_prototypes
            for name, expected in (
                ("contrastive_loss", contrast),
                ("prototype_loss", to_prototypes),
                ("loss", joint),
            ):
                torch.testing.assert_close(
                    step.logged[name].double(), expected, rtol=1e-5, atol=1e-5
                )
            if gradients:
                (gradient,) = torch.autograd.grad(joint, step.table)
                torch.testing.assert_close(step.gradient, gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("joint", [True, False])
def test_one_or_both_views_of_the_query_meet_the_prototypes(views, joint):
    prototypes = SETTINGS.model_copy(update={"query_views": views})
    pair = Pair(
        "cogloat_proco", IMAGES, {"coreset": CORESET}, prototypes=prototypes, joint_views=joint
    )
    pair.objective.start_epoch(0)
    positions, flips = torch.arange(BATCH), []
    for epoch, number in ((0, 0), (1, 2), (1, 3)):
        step = pair.step(positions, epoch, number)
        assert step.queries_ABD.shape == (views, BATCH, DIMENSION)
        expected = formulas.proco(
            step.queries_ABD, pair.objective.prototypes.views_QCD.double(), step.labels, 0.3
        )
        torch.testing.assert_close(
            step.logged["prototype_loss"].double(), expected, rtol=1e-5, atol=1e-5
        )
        asked = pair.views(pair.objective.query.given)
        flips += [[flipped for _, flipped in asked[view]] for view in (0, -1)]
    assert views == 1 or all(one != two for one, two in zip(flips[::2], flips[1::2], strict=True))


def test_a_queue_can_be_filled_before_the_first_prototypes_are_made():
    pair = made(queue_prefill=True)
    pair.objective.start_epoch(0)
    assert (pair.objective.queue.labels >= 0).all()
    filled = [given.training for given in pair.objective.key.given]
    assert filled == [True] * 3 + [False] * 2


def test_prototypes_are_part_of_the_state():
    objective = made().objective
    objective.start_epoch(0)
    assert torch.equal(
        objective.state_dict()["prototypes.views_QCD"], objective.prototypes.views_QCD
    )
    assert objective.prototypes.views_QCD.shape == (2, 3, DIMENSION)
