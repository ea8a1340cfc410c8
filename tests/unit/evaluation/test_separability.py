import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.evaluation.separability import knn_accuracy, silhouette


def drawn(n, classes, seed, width=5):
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(n, width)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.concatenate([[0, 1], draw.integers(0, classes, n - 2)])  # two classes at least
    return features, labels


def clusters(sizes, seed=0):
    """Return unit features close to a direction of their own for each class."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).normal(scale=0.01, size=(len(labels), len(sizes)))
    features = np.eye(len(sizes))[labels] + noise
    return features / np.linalg.norm(features, axis=1, keepdims=True), labels


def distance(a, b):
    a, b = ([float(value) for value in vector] for vector in (a, b))
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return 1 - dot / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def slow_silhouette(features, labels):
    n = len(labels)
    scores = []
    for i in range(n):
        means = {}
        for label in set(labels.tolist()):
            others = [j for j in range(n) if labels[j] == label and j != i]
            if others:
                own = [distance(features[i], features[j]) for j in others]
                means[label] = sum(own) / len(own)
        a = means.pop(labels[i], None)
        b = min(means.values())
        scores.append(0.0 if a is None else (b - a) / max(a, b))
    return sum(scores) / n


def slow_knn(features, labels, k):
    n, hits = len(labels), 0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        nearest = sorted(others, key=lambda j, i=i: distance(features[i], features[j]))[:k]
        votes = [labels[j] for j in nearest]
        hits += (
            max(votes, key=lambda c, votes=votes: (votes.count(c), -votes.index(c))) == labels[i]
        )
    return 100 * hits / n


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    n=st.integers(3, 25), classes=st.integers(2, 6), k=st.integers(1, 30), seed=st.integers(0, 999)
)
def test_measures_are_those_of_a_loop_in_double_precision(n, classes, k, seed):
    features, labels = drawn(n, classes, seed)
    assert silhouette(features, labels) == pytest.approx(slow_silhouette(features, labels))
    assert knn_accuracy(features, labels, k) == pytest.approx(slow_knn(features, labels, k))


def test_separated_clusters_are_nearly_perfect():
    features, labels = clusters([20, 20, 20])
    assert silhouette(features, labels) > 0.99
    assert knn_accuracy(features, labels, k=5) == 100


def test_shuffled_labels_are_near_chance():
    features, labels = clusters([150, 150, 150, 150])
    shuffled = np.random.default_rng(1).permutation(labels)
    assert abs(silhouette(features, shuffled)) < 0.05
    assert knn_accuracy(features, shuffled, k=5) == pytest.approx(25, abs=6)


def test_length_of_a_feature_does_not_count():
    features, labels = drawn(30, 3, seed=0)
    longer = features * np.linspace(0.1, 10, len(labels))[:, None]
    assert silhouette(longer, labels) == pytest.approx(silhouette(features, labels))
    assert knn_accuracy(longer, labels, k=5) == knn_accuracy(features, labels, k=5)


def test_image_alone_in_its_class_has_silhouette_0_and_is_a_miss():
    features, labels = clusters([9, 1])
    with_two = clusters([9, 2])
    assert silhouette(features, labels) == pytest.approx(0.9, abs=0.01)
    assert silhouette(*with_two) > 0.99
    assert knn_accuracy(features, labels, k=5) == 90


def test_every_image_alone_in_its_class():
    features = np.eye(3)
    assert silhouette(features, np.arange(3)) == 0
    assert knn_accuracy(features, np.arange(3), k=5) == 0


def test_tied_vote_goes_to_the_class_of_the_nearest():
    angles = np.array([0.0, 0.1, -0.2, 0.3, -0.4])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # everybody votes: two to two for an image of class 1, three to one against one of class 0;
    # the last image is nearest to one of class 0
    assert knn_accuracy(features, np.array([1, 1, 0, 0, 1]), k=4) == 40


@pytest.mark.parametrize("measure", [silhouette, lambda *given: knn_accuracy(*given, k=5)])
def test_one_class_is_refused(measure):
    with pytest.raises(ValueError, match="needs two classes, there are 1"):
        measure(np.eye(3), np.zeros(3, int))


def test_vote_without_a_neighbour_is_refused():
    with pytest.raises(ValueError, match="k is 0"):
        knn_accuracy(np.eye(2), np.arange(2), k=0)
