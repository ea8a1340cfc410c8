"""The ProCo term within the batch, seen from outside: from which images, views and pass."""

import formulas
import pytest
import torch
from miniature import numbered, rows_of
from single import BATCH, DIMENSION, Single
from torch.nn import functional as F

from cogloat.methods.proco.settings import Prototypes

COUNTS = [13, 7, 5]
IMAGES = numbered(COUNTS)
CORESET = numbered([7, 3, 2], first=len(IMAGES))
SETTINGS = Prototypes(alpha=0.7, coreset="glister", temperature=0.3, query_views=2)


def made(**changes) -> Single:
    given = {"coreset": CORESET}
    return Single("cogloat_proco_inbatch", IMAGES, given, **{"prototypes": SETTINGS} | changes)


def means(encoder, view):
    """Return normalised class means [C, D] of what the encoder makes of the coreset's rows."""
    embedded = rows_of(encoder.table, view).double()
    labels = [int(CORESET.labels_N[number - len(IMAGES)]) for number, _ in view]
    sums = [
        sum(e for e, y in zip(embedded, labels, strict=True) if y == label) for label in range(3)
    ]
    return torch.stack([total / total.square().sum().sqrt() for total in sums])


def test_prototypes_are_the_encoders_class_means_of_two_views_of_the_coreset():
    """In evaluation mode, without gradient, anew in every epoch."""
    single, seen = made(), []
    encoder, size = single.objective.encoder, len(CORESET)
    for epoch in range(3):
        encoder.table.data.copy_(F.normalize(torch.randn_like(encoder.table), dim=2))
        encoder.given.clear()
        single.objective.start_epoch(epoch)
        assert not any(given.training or given.gradient for given in encoder.given)
        assert encoder.training
        rows = [row for given in encoder.given for row in given.rows]
        views = rows[:size], rows[size:]
        for view, prototypes in zip(views, single.objective.prototypes.views_QCD, strict=True):
            assert sorted(number for number, _ in view) == list(range(25, 25 + size))
            expected = means(encoder, view)
            torch.testing.assert_close(prototypes.double(), expected, rtol=1e-5, atol=1e-5)
            seen.append(tuple(flipped for _, flipped in view))
    assert len(set(seen)) == 6  # each view of each epoch is an augmentation of its own


@pytest.mark.slow
@pytest.mark.parametrize("views", [1, 2])
def test_every_step_is_the_joint_loss_of_its_terms_on_what_the_encoder_was_given(views):
    single = made(prototypes=SETTINGS.model_copy(update={"query_views": views}))
    for epoch in range(2):
        single.objective.start_epoch(epoch)
        kept = single.objective.prototypes.views_QCD.clone()
        for number, positions in enumerate(single.objective.order(epoch).split(BATCH)):
            step = single.step(positions, epoch, number)
            assert torch.equal(single.objective.prototypes.views_QCD, kept)
            contrast = formulas.in_batch(
                step.anchors_ND,
                step.positives_NPD,
                [0.07 + 0.93 * COUNTS[y] / max(COUNTS) for y in step.labels],
                torch.zeros_like(step.found_NN),
                separate=True,
            )
            count = len(positions)
            queries = step.anchors_ND.view(2, count, DIMENSION)[:views]
            to_prototypes = formulas.proco(queries, kept.double(), step.labels[:count], 0.3)
            joint = 0.7 * contrast + 0.3 * to_prototypes
            for name, expected in (
                ("contrastive_loss", contrast),
                ("prototype_loss", to_prototypes),
                ("loss", joint),
            ):
                torch.testing.assert_close(
                    step.logged[name].double(), expected, rtol=1e-5, atol=1e-5
                )
            (gradient,) = torch.autograd.grad(joint, step.table)
            torch.testing.assert_close(step.gradient, gradient, rtol=1e-4, atol=1e-5)


def test_prototypes_are_part_of_the_state():
    objective = made().objective
    objective.start_epoch(0)
    assert torch.equal(
        objective.state_dict()["prototypes.views_QCD"], objective.prototypes.views_QCD
    )
    assert objective.prototypes.views_QCD.shape == (2, 3, DIMENSION)
