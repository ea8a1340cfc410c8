"""BCL's steps seen from outside: its three views, its centres, the weights of its two terms."""

import formulas
import pytest
import torch
from miniature import (
    EITHER,
    FLIPPED,
    PLAIN,
    Reader,
    as_double,
    build,
    configured,
    for_numbers,
    image_set,
    kept_outputs,
    numbered,
    rows_of,
)
from torch import nn
from torch.nn import functional as F

from cogloat.methods.settings import CosineHead, LinearHead
from cogloat.models.normalisation import BatchNorm

COUNTS = [13, 6, 5]
IMAGES = numbered(COUNTS)
BATCH, FEATURES, DIMENSION = 5, 64, 6  # the last batch has four
SMALL = {"batch_size": BATCH, "projection": (16, DIMENSION)}
COSINE, LINEAR = CosineHead(kind="cosine", scale=7.0), LinearHead(kind="linear")


def readable(classified=EITHER, contrasted=EITHER, **changes):
    """Return an objective whose backbone reads numbers, with projections that are linear."""
    config = configured("bcl", "train", len(COUNTS), **(SMALL | changes))
    config = for_numbers(config, strong=classified, contrastive_strong=contrasted)
    objective = build(config, IMAGES)
    torch.manual_seed(5)
    objective.classifier.backbone = Reader(len(IMAGES), FEATURES, seed=1)
    objective.projection = nn.Linear(FEATURES, DIMENSION, bias=False)
    objective.centre_projection = nn.Linear(FEATURES, DIMENSION, bias=False)
    return objective


@pytest.mark.slow
@pytest.mark.parametrize("head", [COSINE, LINEAR])
def test_every_step_is_the_weighted_sum_of_its_terms_on_its_three_views(head):
    """Value, gradient and accuracy; the first view is the classifier's, the others contrast."""
    objective = readable(head=head, class_weight=1.5, contrast_weight=0.4, temperature=0.3)
    backbone, classes = objective.classifier.backbone, objective.classifier.head
    prior = torch.tensor(COUNTS).double().div(sum(COUNTS)).log()
    flips = []
    for epoch in range(2):
        order = objective.order(epoch)
        objective.start_epoch(epoch)
        for step, positions in enumerate(order.split(BATCH)):
            objective.zero_grad()
            backbone.given.clear()
            logged = objective.loss(positions, epoch, step)
            logged["loss"].backward()

            (given,) = backbone.given
            batch = len(positions)
            assert given.training
            assert list(given.numbers) == positions.tolist() * 3
            flips.append([given.flipped[start : start + 4] for start in (0, batch, 2 * batch)])
            labels = IMAGES.labels_N[positions].tolist()
            ours = [
                *(backbone.table, classes.weight, objective.projection.weight),
                objective.centre_projection.weight,
            ]
            leaves = [as_double(weight) for weight in ours]
            table, weight, projection, centre_projection = leaves
            features = rows_of(table, given.rows)
            if head is COSINE:
                scores = F.normalize(features[:batch], dim=1) @ F.normalize(weight, dim=1).T * 7
            else:
                scores = features[:batch] @ weight.T + classes.bias.detach().double()
            by_class = formulas.cross_entropy(scores + prior, labels)
            contrast = formulas.bcl(
                features[batch:] @ projection.T,
                labels + labels,
                weight @ centre_projection.T,
                0.3,
                by_weights=True,
            )
            joint = 1.5 * by_class + 0.4 * contrast
            for name, expected in (
                ("class_loss", by_class),
                ("contrastive_loss", contrast),
                ("loss", joint),
            ):
                torch.testing.assert_close(logged[name].double(), expected, rtol=1e-5, atol=1e-5)
            gradients = torch.autograd.grad(joint, leaves)
            for one, gradient in zip(ours, gradients, strict=True):
                torch.testing.assert_close(one.grad.double(), gradient, rtol=1e-4, atol=1e-5)
            right = (scores.argmax(dim=1) == torch.tensor(labels)).double().mean()
            assert float(logged["train_accuracy"]) == pytest.approx(100 * float(right))
    patterns = torch.tensor(flips).transpose(0, 1).flatten(1)  # views, steps and images
    assert len(patterns.unique(dim=0)) == 3
    assert all(len({tuple(map(tuple, step)) for step in flips[i::5]}) == 2 for i in range(5))


@pytest.mark.parametrize(("head", "scale"), [(COSINE, 7), (LINEAR, 1)])
def test_networks_in_bfloat16_are_compared_in_float32(head, scale):
    objective = readable(head=head, temperature=0.3)
    kept = [
        kept_outputs(network)
        for network in (
            *(objective.classifier.head, objective.projection),
            objective.centre_projection,
        )
    ]
    with torch.autocast("cpu", torch.bfloat16):
        logged = objective.loss(torch.arange(BATCH), 0, 0)
    scores, embeddings, centres = (outputs[0].double() for outputs in kept)
    assert kept[1][0].dtype == torch.bfloat16
    labels = IMAGES.labels_N[:BATCH].tolist()
    prior = torch.tensor(COUNTS).double().div(sum(COUNTS)).log()
    by_class = formulas.cross_entropy(scale * scores + prior, labels)
    contrast = formulas.bcl(embeddings[BATCH:], labels + labels, centres, 0.3, by_weights=False)
    for name, expected in (("class_loss", by_class), ("contrastive_loss", contrast)):
        assert logged[name].dtype == torch.float32
        torch.testing.assert_close(logged[name].double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("classified", "contrasted"), [(PLAIN, FLIPPED), (FLIPPED, PLAIN)])
def test_each_view_is_of_its_own_augmentation(classified, contrasted):
    objective = readable(classified, contrasted)
    objective.loss(torch.arange(BATCH), 1, 2)
    (given,) = objective.classifier.backbone.given
    expected = [classified == FLIPPED] * BATCH + [contrasted == FLIPPED] * 2 * BATCH
    assert list(given.flipped) == expected


def test_the_contrast_alone_trains_the_class_vectors_through_their_centres():
    config = configured("bcl", "train", len(COUNTS), **SMALL, head=COSINE, class_weight=0.0)
    objective = build(config, image_set(COUNTS))
    objective.loss(torch.arange(BATCH), 0, 0)["loss"].backward()
    assert objective.classifier.head.weight.grad.abs().sum() > 0
    assert all(weight.grad is not None for weight in objective.parameters())


def test_both_projections_have_batch_norm():
    objective = build(configured("bcl", "train", len(COUNTS), **SMALL), image_set(COUNTS))
    for projection in (objective.projection, objective.centre_projection):
        norms = [part for part in projection.modules() if isinstance(part, BatchNorm)]
        assert [norm.num_features for norm in norms] == [16]


def test_in_groups_the_running_statistics_are_of_the_classifiers_views():
    """Of four groups of the three views, the first has views of the classifier alone."""
    config = configured("bcl", "train", len(COUNTS), **(SMALL | {"batch_size": 8, "groups": 4}))
    whole, alone = (build(config, image_set(COUNTS)) for _ in range(2))
    seen = []
    whole.classifier.backbone.conv.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    whole.loss(torch.arange(8), 0, 0)
    first = alone.classifier.backbone.norm
    first.splits = 1
    first(alone.classifier.backbone.conv(seen[0][:6]))  # of 24 rows
    for name in ("running_mean", "running_var"):
        moved = getattr(whole.classifier.backbone.norm, name)
        torch.testing.assert_close(moved, getattr(first, name))
