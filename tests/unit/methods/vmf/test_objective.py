"""The vMF contrast's steps seen from outside: the classes' means over epochs, its two terms."""

import pytest
import torch
from miniature import build, configured, image_set, kept_outputs, without_augmentation
from torch.nn import functional as F

from cogloat.methods.classifier.loss import log_prior
from cogloat.methods.vmf.loss import concentrations, expected_scores
from cogloat.methods.vmf.objective import Means

COUNTS = [13, 6, 5]
IMAGES, BATCH = image_set(COUNTS), 8


def vmf(**changes):
    small = {"batch_size": BATCH, "projection": (16, 8)}
    config = configured("vmf_contrast", "train", len(COUNTS), **(small | changes))
    return build(without_augmentation(config), IMAGES)


def test_means_are_of_the_epoch_and_of_the_one_before():
    draw = torch.Generator().manual_seed(0)
    means = Means(3, 4)
    seen: dict[int, dict[int, list[torch.Tensor]]] = {}
    for epoch in range(3):
        means.begin(epoch, draw)
        start = means.now.clone()
        seen[epoch] = {label: [] for label in range(3)}
        for _ in range(4):
            labels = torch.randint(2, (5,), generator=draw)  # none of class 2
            rows = torch.randn(5, 4, generator=draw)
            means.add(rows, labels)
            for label, row in zip(labels.tolist(), rows, strict=True):
                seen[epoch][label].append(row)
        for label in (0, 1):
            both = seen.get(epoch - 1, {}).get(label, []) + seen[epoch][label]
            torch.testing.assert_close(means.now[label], torch.stack(both).mean(dim=0))
        assert torch.equal(means.now[2], start[2])
        assert means.now[2].norm().item() == pytest.approx(0.9)


def test_every_step_is_both_terms_by_the_means_that_hold_the_batch():
    objective = vmf(contrast_weight=0.5, temperature=0.3)
    objective.start_epoch(0)
    scale = objective._settings.score_scale
    for step, positions in enumerate(objective.order(0).split(BATCH)):
        labels = IMAGES.labels_N[positions]
        before = Means(3, 8)
        before.load_state_dict(objective.means.state_dict())
        embedded, scored = (
            kept_outputs(own) for own in (objective.projection, objective.classifier.head)
        )
        found = objective.loss(positions, 0, step)
        offsets = log_prior(IMAGES.counts_C)
        expected = F.cross_entropy(scale * scored[0] + offsets, labels)
        terms = []
        for view in embedded[0][len(positions) :].split(len(positions)):
            before.add(view, labels)
            kappa = concentrations(before.now, 1e5)
            scores = expected_scores(view, F.normalize(before.now, dim=1), kappa, 0.3)
            terms.append(F.cross_entropy(scores + offsets, labels))
        torch.testing.assert_close(found["class_loss"], expected)
        contrast = sum(terms) / 2
        torch.testing.assert_close(found["contrastive_loss"].double(), contrast)
        torch.testing.assert_close(found["loss"].double(), expected + 0.5 * contrast)
        objective.projection._forward_hooks.clear()
        objective.classifier.head._forward_hooks.clear()
    found["loss"].backward()
    assert all(weight.grad is not None for weight in objective.parameters())
