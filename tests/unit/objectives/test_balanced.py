"""BCL's objective: its three views, its centres, the weights of its two terms."""

import copy

import miniature
import pytest
import torch
from miniature import image_set, without_augmentation
from torch.nn import functional as F

from cogloat.config.schema import CosineHead, LinearHead
from cogloat.data.imageset import ImageSet
from cogloat.losses.balanced import balanced_contrastive_loss

BATCH = 8
COUNTS = [20, 10, 6]
POSITIONS = torch.arange(0, 4 * BATCH, 4)
COSINE, LINEAR = CosineHead(kind="cosine", scale=30.0), LinearHead(kind="linear")


@pytest.fixture
def images() -> ImageSet:
    return image_set(COUNTS)


def configured(**changes):
    small = {"batch_size": BATCH, "projection": (16, 8)}
    return miniature.configured("bcl", "train", len(COUNTS), **(small | changes))


def build(images, **changes):
    return miniature.build(without_augmentation(configured(**changes)), images, test=images)


@pytest.mark.parametrize(("head", "scale"), [(COSINE, 30), (LINEAR, 1)])
def test_the_loss_is_its_terms_on_the_embeddings(images, head, scale):
    objective = build(images, head=head, class_weight=2.0, contrast_weight=0.6)
    other = copy.deepcopy(objective)
    logged = objective.loss(POSITIONS, 0, 0)
    labels = images.labels_N[POSITIONS]
    pixels = other._augment.normalise(images.images_NCHW[POSITIONS] / 255)
    features = other.classifier.backbone(pixels.repeat(3, 1, 1, 1))
    prior = (torch.tensor(COUNTS) / sum(COUNTS)).log()
    scores = scale * other.classifier.head(features[:BATCH]) + prior
    embeddings = other.projection(features)[BATCH:]
    centres = other.centre_projection(other.classifier.head.weight)
    terms = (
        F.cross_entropy(scores, labels),
        balanced_contrastive_loss(embeddings, labels.repeat(2), centres, 0.1),
    )
    torch.testing.assert_close(logged["class_loss"], terms[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logged["contrastive_loss"], terms[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logged["loss"], 2 * terms[0] + 0.6 * terms[1], rtol=1e-4, atol=1e-5)


def test_the_contrast_alone_trains_the_class_vectors_through_their_centres(images):
    objective = build(images, class_weight=0.0)
    objective.loss(POSITIONS, 0, 0)["loss"].backward()
    assert objective.classifier.head.weight.grad.abs().sum() > 0
    assert all(weight.grad is not None for weight in objective.parameters())


def test_the_two_contrastive_views_differ_and_are_of_their_own_augmentation(images):
    config = configured()
    objective = miniature.build(config, images, test=images)
    classified, one, two = objective._views(POSITIONS, 0, 0).split(BATCH)
    assert not torch.equal(one, two)
    assert not torch.equal(one, classified)
    expected = config.data.augmentations[config.settings.contrastive_augmentation]
    assert objective._augment_contrast.operations == expected


def test_evaluation_gets_the_classifier_alone(images):
    objective = build(images)
    assert set(objective.weights()) == set(objective.classifier.state_dict())
