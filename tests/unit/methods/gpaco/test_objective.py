"""GPaCo's steps seen from outside: both views are anchors with gradient, the second is queued."""

import formulas
import torch
from miniature import as_double, build, configured, image_set, kept_outputs, without_augmentation
from torch import nn

COUNTS = [13, 6, 5]
IMAGES, BATCH, QUEUE = image_set(COUNTS), 8, 24


def gpaco(**changes):
    small = {"batch_size": BATCH, "queue": QUEUE, "projection": (16, 6)}
    config = configured("gpaco", "train", len(COUNTS), **(small | changes))
    return build(without_augmentation(config), IMAGES)


def test_the_head_has_three_layers_without_batch_norm():
    layers = [type(layer) for layer in gpaco().projection.layers]
    assert layers == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_every_step_is_the_formula_on_both_views_and_the_queue():
    objective = gpaco(alpha=0.3, temperature=0.4)
    queue, queued = objective.queue.keys.double(), objective.queue.labels.tolist()
    embedded, scored = (
        kept_outputs(own) for own in (objective.projection, objective.classifier.head)
    )
    for step, positions in enumerate(objective.order(0).split(BATCH)):
        objective.zero_grad()
        labels = IMAGES.labels_N[positions].tolist() * 2
        found = objective.loss(positions, 0, step)["loss"]
        views, scores = as_double(embedded[-1]), as_double(scored[-1].flatten(0, 1))
        assert len(views) == len(scores) == 2 * BATCH
        expected = formulas.paco(
            *(views, torch.cat([views, queue]), labels, labels + queued),
            *(scores, COUNTS, 0.3, 0.4),
        )
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
        queue = torch.cat(
            [queue[: step * BATCH], embedded[-1][BATCH:].double(), queue[(step + 1) * BATCH :]]
        )
        queued[step * BATCH : (step + 1) * BATCH] = labels[BATCH:]
        torch.testing.assert_close(objective.queue.keys.double(), queue)
        assert objective.queue.labels.tolist() == queued


def test_the_logged_accuracy_is_the_first_views():
    small = {"batch_size": BATCH, "queue": QUEUE, "projection": (16, 6)}
    objective = build(configured("gpaco", "train", len(COUNTS), **small), IMAGES)
    scored = kept_outputs(objective.classifier.head)
    apart = 0
    for epoch in range(4):
        for step, positions in enumerate(objective.order(epoch).split(BATCH)):
            logged = objective.loss(positions, epoch, step)["train_accuracy"]
            right_VB = scored[-1].argmax(dim=-1) == IMAGES.labels_N[positions]
            first, second = right_VB.double().mean(dim=1) * 100
            torch.testing.assert_close(logged.double(), first)
            apart += int(first != second)
    assert apart


def test_pairs_are_within_a_group_and_share_the_queue():
    objective = gpaco(groups=2, alpha=0.3, temperature=0.4)
    queue, queued = objective.queue.keys.double(), objective.queue.labels.tolist()
    embedded, scored = (
        kept_outputs(own) for own in (objective.projection, objective.classifier.head)
    )
    positions = objective.order(0)[:BATCH]
    found = objective.loss(positions, 0, 0)["loss"].double()
    labels = IMAGES.labels_N[positions].tolist()
    views = embedded[0].double().unflatten(0, (2, BATCH))
    scores = scored[0].double()
    terms = []
    for group in (slice(0, BATCH // 2), slice(BATCH // 2, BATCH)):
        own, adjusted = views[:, group].flatten(0, 1), scores[:, group].flatten(0, 1)
        two = labels[group] * 2
        terms.append(
            formulas.paco(
                *(own, torch.cat([own, queue]), two, two + queued), *(adjusted, COUNTS, 0.3, 0.4)
            )
        )
    torch.testing.assert_close(found, sum(terms) / 2, rtol=1e-5, atol=1e-6)


def test_the_gradient_comes_through_both_views():
    """What the loss does to a network is what its two views do to it."""
    objective = gpaco()
    rows = []

    def keep(_, __, out):
        out.retain_grad()
        rows.append(out)

    objective.projection.register_forward_hook(keep)
    objective.loss(torch.arange(BATCH), 0, 0)["loss"].backward()
    (out,) = rows
    assert (out.grad.norm(dim=1) > 0).all()
    assert all(weight.grad is not None for weight in objective.parameters())
