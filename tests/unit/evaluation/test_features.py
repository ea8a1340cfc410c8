"""Table 1's measures against float64 double loops, and their bounds."""

import itertools
import math
import statistics

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cogloat.evaluation.features import (
    CHUNK,
    class_centres,
    class_variances,
    describe_features,
    improved_inter_uniformity,
    inter_uniformity,
    intra_alignment,
)


def drawn(classes: int, largest: int, dimensions: int, seed: int, *, unit: bool = True):
    draw = torch.Generator().manual_seed(seed)
    counts = torch.randint(1, largest + 1, (classes,), generator=draw)
    labels = torch.arange(classes).repeat_interleave(counts)
    labels = labels[torch.randperm(len(labels), generator=draw)]
    features = torch.randn(len(labels), dimensions, generator=draw, dtype=torch.float64)
    return (F.normalize(features, dim=1) if unit else features), labels


def reference(features, labels, classes):
    """Every formula of section 4, one pair at a time."""
    groups = [
        [row.tolist() for row, label in zip(features, labels, strict=True) if label == c]
        for c in range(classes)
    ]
    intra = sum(
        sum(math.dist(one, two) for one in own for two in own) / len(own) ** 2 for own in groups
    )
    centres = [[sum(column) / len(own) for column in zip(*own, strict=True)] for own in groups]
    spread = [
        sum(math.dist(row, centre) for row in own) / len(own)
        for own, centre in zip(groups, centres, strict=True)
    ]
    inter = improved = 0.0
    for i in range(classes):
        for j in range(classes):
            if i != j:
                inter += math.dist(centres[i], centres[j])
                between = abs(spread[i] + spread[j])
                improved += math.dist(centres[i], centres[j]) / between if between else math.inf
    pairs = classes * (classes - 1)
    distances = [math.dist(*two) for two in itertools.combinations(centres, 2)]
    return {
        "intra_ordered": intra / classes,
        "intra_unordered": intra / classes / 2,
        "variance": sum(spread) / classes,
        "inter": inter / pairs,
        "improved_inter": 2 * improved / pairs if math.isfinite(improved) else None,
        "variance_spread": over_the_mean(spread),
        "inter_spread": over_the_mean(distances),
    }


def over_the_mean(values):
    mean = statistics.fmean(values)
    return statistics.pstdev(values) / mean if mean else None


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    classes=st.integers(2, 5),
    largest=st.integers(2, 12),
    dimensions=st.integers(1, 6),
    seed=st.integers(0, 1000),
    unit=st.booleans(),
)
def test_every_measure_is_the_double_loop_over_its_formula(
    classes, largest, dimensions, seed, unit
):
    features, labels = drawn(classes, largest, dimensions, seed, unit=unit)
    expected = reference(features, labels, classes)
    found = describe_features(features, labels, classes).model_dump()
    assert found == pytest.approx(expected, abs=1e-6)


def test_more_features_of_a_class_than_a_chunk_give_the_same_sum():
    features, labels = drawn(1, 1, 3, seed=0)
    features = torch.randn(CHUNK + 300, 3, dtype=torch.float64)
    labels = torch.zeros(len(features), dtype=torch.long)
    expected = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").mean()
    torch.testing.assert_close(intra_alignment(features, labels, 1), expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(classes=st.integers(2, 6), largest=st.integers(1, 20), seed=st.integers(0, 1000))
def test_variance_is_at_most_the_ordered_alignment_and_at_least_the_unordered(
    classes, largest, seed
):
    """Jensen's inequality; and a distance is at most the way round by the centre."""
    features, labels = drawn(classes, largest, 8, seed)
    found = describe_features(features, labels, classes)
    assert found.intra_unordered <= found.variance + 1e-7
    assert found.variance <= found.intra_ordered + 1e-7


@settings(max_examples=60, deadline=None, derandomize=True)
@given(classes=st.integers(2, 6), largest=st.integers(1, 20), seed=st.integers(0, 1000))
def test_unit_features_keep_the_bound_between_inter_and_variance(classes, largest, seed):
    features, labels = drawn(classes, largest, 4, seed)
    found = describe_features(features, labels, classes)
    bound = math.sqrt(2 * classes / (classes - 1) * max(0, 1 - found.variance**2))
    assert found.inter <= bound + 1e-7


def test_equal_variances_reduce_the_improved_measure_to_inter_over_variance():
    centres = torch.randn(4, 3, dtype=torch.float64)
    found = improved_inter_uniformity(centres, torch.full((4,), 0.3, dtype=torch.float64))
    torch.testing.assert_close(found, inter_uniformity(centres) / 0.3)


def test_isotropic_classes_have_a_variance_of_the_square_root_of_two_over_unordered_pairs():
    """What Table 1 shows: 1.40 to 1.53 (its pairs are unordered)."""
    features = torch.randn(1000, 64, generator=torch.Generator().manual_seed(0))
    found = describe_features(features, torch.arange(1000) % 2, 2)
    assert found.variance / found.intra_unordered == pytest.approx(math.sqrt(2), abs=0.01)


def test_moving_or_turning_all_features_changes_nothing():
    features, labels = drawn(3, 10, 5, seed=1)
    turn, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    moved = describe_features(features @ turn + 3, labels, 3).model_dump()
    still = describe_features(features, labels, 3).model_dump()
    assert moved == pytest.approx(still, abs=1e-6)


def test_class_without_a_feature_is_named():
    with pytest.raises(ValueError, match=r"have no centre: \[1\]"):
        class_centres(torch.randn(2, 3), torch.tensor([0, 2]), 3)


def test_one_feature_has_no_variance():
    features, labels = torch.randn(3, 4), torch.tensor([0, 1, 1])
    centres = class_centres(features, labels, 2)
    assert float(class_variances(features, labels, centres)[0]) == 0


def test_classes_of_one_feature_each_have_no_improved_measure():
    assert describe_features(torch.randn(3, 4), torch.arange(3), 3).improved_inter is None


def test_corners_of_a_simplex_with_equal_clouds_are_balanced_and_others_are_not():
    corners = torch.eye(4, dtype=torch.float64)
    cloud = 0.1 * torch.cat([torch.eye(4), -torch.eye(4)]).double()
    labels = torch.arange(4).repeat_interleave(len(cloud))
    features = (corners[:, None] + cloud).flatten(0, 1)
    found = describe_features(features, labels, 4)
    assert found.variance_spread == pytest.approx(0, abs=1e-9)
    assert found.inter_spread == pytest.approx(0, abs=1e-9)
    features[labels == 0] = 3 * features[labels == 0]  # further away, and wider
    found = describe_features(features, labels, 4)
    widths = [0.3, 0.1, 0.1, 0.1]
    assert found.variance_spread == pytest.approx(over_the_mean(widths))
    distances = [math.sqrt(10)] * 3 + [math.sqrt(2)] * 3
    assert found.inter_spread == pytest.approx(over_the_mean(distances))


def test_features_that_are_all_one_point_have_no_balance():
    found = describe_features(torch.ones(4, 3), torch.tensor([0, 0, 1, 1]), 2)
    assert (found.variance_spread, found.inter_spread) == (None, None)
