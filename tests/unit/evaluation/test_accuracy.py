import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.data.longtail import class_counts
from cogloat.evaluation.accuracy import (
    confusion,
    per_class_accuracy,
    shot_groups,
    summarise,
    top1,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n=st.integers(1, 40), classes=st.integers(1, 6), seed=st.integers(0, 1000))
def test_accuracies_are_those_of_a_loop(n, classes, seed):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.rand(n, classes, generator=draw)
    labels = torch.randint(classes, (n,), generator=draw)
    hits = [
        int(max(range(classes), key=lambda c, i=i: scores[i, c]) == labels[i]) for i in range(n)
    ]
    assert top1(scores, labels) == pytest.approx(100 * sum(hits) / n)
    measured = per_class_accuracy(scores.argmax(1), labels, classes)
    for c in range(classes):
        own = [hit for hit, y in zip(hits, labels, strict=True) if y == c]
        if own:
            assert float(measured[c]) == pytest.approx(100 * sum(own) / len(own))
        else:
            assert math.isnan(measured[c])
    counts = confusion(scores.argmax(1), labels, classes)
    assert counts.sum(dim=1).tolist() == torch.bincount(labels, minlength=classes).tolist()
    assert int(counts.diagonal().sum()) == sum(hits)


def test_row_of_the_confusion_is_the_true_class():
    counts = confusion(torch.tensor([1, 1, 2]), torch.tensor([0, 0, 2]), 3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("n_max", "classes", "factor", "sizes"),
    [
        (500, 100, 100, (35, 35, 30)),
        (500, 100, 50, (41, 41, 18)),
        (500, 100, 10, (69, 31, 0)),
        (5000, 10, 100, (8, 2, 0)),
    ],
)
def test_shot_groups_have_the_published_sizes(n_max, classes, factor, sizes):
    groups = shot_groups(torch.tensor(class_counts(n_max, classes, factor)), 100, 20)
    assert tuple(int(groups[name].sum()) for name in ("many", "medium", "few")) == sizes
    assert sum(group.int() for group in groups.values()).tolist() == [1] * classes


def test_thresholds_themselves_are_medium():
    groups = shot_groups(torch.tensor([101, 100, 20, 19]), 100, 20)
    assert [group.tolist() for group in groups.values()] == [
        [True, False, False, False],
        [False, True, True, False],
        [False, False, False, True],
    ]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(classes=st.integers(1, 12), each=st.integers(1, 5), seed=st.integers(0, 1000))
def test_on_a_balanced_test_set_all_is_the_class_weighted_mean_of_the_groups(classes, each, seed):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(each)
    scores = torch.rand(len(labels), classes, generator=draw)
    counts = torch.randint(1, 200, (classes,), generator=draw)
    found = summarise(scores, labels, counts, 100, 20)
    groups = ("many", "medium", "few")
    weighted = sum(found["group_sizes"][g] * (found[g] or 0) for g in groups) / classes
    assert weighted == pytest.approx(found["accuracy"])
    present = [found[g] for g in groups if found[g] is not None]
    assert found["group_mean"] == pytest.approx(sum(present) / len(present))


def test_group_without_a_class_is_none_not_zero():
    found = summarise(torch.eye(2), torch.arange(2), torch.tensor([500, 200]), 100, 20)
    assert (found["accuracy"], found["many"], found["medium"], found["few"]) == (
        100,
        100,
        None,
        None,
    )
