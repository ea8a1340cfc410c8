"""PaCo's objective: its views, its queue, its momentum twin, what evaluation gets."""

import copy

import miniature
import pytest
import torch
from miniature import image_set, without_augmentation

from cogloat.data.imageset import ImageSet

BATCH, QUEUE = 8, 16
COUNTS = [20, 10, 6]
POSITIONS = torch.arange(0, 4 * BATCH, 4)


@pytest.fixture
def images() -> ImageSet:
    return image_set(COUNTS)


def build(images, **changes):
    small = {"batch_size": BATCH, "queue": QUEUE, "projection": (16, 8), "key_momentum": 0.5}
    config = miniature.configured("paco", "train", len(COUNTS), **(small | changes))
    return miniature.build(without_augmentation(config), images, test=images)


def test_the_loss_is_the_formula_on_scores_batch_keys_and_queue(images):
    objective = build(images, alpha=0.1, temperature=0.2)
    objective.loss(POSITIONS, 0, 0)
    other = copy.deepcopy(objective)
    loss = objective.loss(POSITIONS, 0, 1)["loss"]
    queue, queue_labels = other.queue.keys.clone(), other.queue.labels.clone()
    pixels = other._augment.normalise(images.images_NCHW[POSITIONS] / 255)
    features = other.classifier.backbone(pixels)
    queries = other.projection(features)
    other._follow()
    others = torch.cat([queries, other.key(pixels), queue])
    labels = images.labels_N[POSITIONS]
    other_labels = torch.cat([labels, labels, queue_labels])
    prior = torch.tensor(COUNTS) / sum(COUNTS)
    scores = other.classifier.head(features) + prior.log()
    total = 0.0
    for i, label in enumerate(labels):
        similar = {a: torch.exp(queries[i] @ others[a] / 0.2) for a in range(len(others)) if a != i}
        denominator = scores[i].exp().sum() + sum(similar.values())
        pairs = [similar[a] for a in similar if other_labels[a] == label]
        log_p = torch.log(scores[i, label].exp() / denominator)
        log_p = log_p + 0.1 * sum(torch.log(pair / denominator) for pair in pairs)
        total -= log_p / (1 + 0.1 * len(pairs)) / BATCH
    torch.testing.assert_close(loss, total, rtol=1e-4, atol=1e-5)


def test_a_step_moves_the_twin_by_momentum_and_enqueues_keys(images):
    objective = build(images)
    for weight in (*objective.classifier.parameters(), *objective.projection.parameters()):
        weight.data += 1
    before = copy.deepcopy(objective)
    objective.loss(POSITIONS, 0, 0)["loss"].backward()
    pairs = [
        (objective.key.backbone, before.key.backbone, before.classifier.backbone),
        (objective.key.projection, before.key.projection, before.projection),
    ]
    for new, old, query in pairs:
        for moved, key, target in zip(
            new.parameters(), old.parameters(), query.parameters(), strict=True
        ):
            torch.testing.assert_close(moved, 0.5 * key + 0.5 * target)
            assert moved.grad is None
    assert objective.queue.labels[:BATCH].tolist() == images.labels_N[POSITIONS].tolist()
    trainable = [*objective.classifier.parameters(), *objective.projection.parameters()]
    assert all(weight.grad is not None for weight in trainable)


def test_the_queue_begins_with_random_classes_or_with_none(images):
    labels = build(images, queue=16 * BATCH).queue.labels
    assert set(labels.tolist()) == {0, 1, 2}
    assert build(images, queue_labels="none").queue.labels.tolist() == [-1] * QUEUE


def test_query_and_key_have_views_of_their_own_augmentations(images):
    config = miniature.configured("paco", "train", len(COUNTS), batch_size=BATCH, queue=QUEUE)
    objective = miniature.build(config, images, test=images)
    names = (config.settings.augmentation, config.settings.key_augmentation)
    shown = (objective._augment.operations, objective._augment_key.operations)
    assert shown == tuple(config.data.augmentations[name] for name in names)
    assert shown[0] != shown[1]


def test_evaluation_gets_the_classifier_without_the_prior(images):
    objective = build(images).eval()
    assert objective.weights().keys() == objective.classifier.state_dict().keys()
    scores = objective.classifier(objective._augment.normalise(images.images_NCHW / 255))
    torch.testing.assert_close(objective._test_scores(images), scores)
