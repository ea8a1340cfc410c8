"""How well classes come apart in a feature space, without a trained classifier (Figure 2).

Both measures are of cosine distance, so a feature's length does not count. Imports no torch.

Shapes: N features, D dimensions, C classes, K neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

Features = NDArray[np.floating]
Labels = NDArray[np.integer]
NEIGHBOURS = 5  # that vote, where nothing else is said


def silhouette(features_ND: Features, labels_N: Labels) -> float:
    """Return the mean silhouette, from -1 (mixed) to 1 (compact and far apart).

    With a the mean distance to the others of the same class, b that to the nearest other class, a
    feature's silhouette is (b - a) / max(a, b). A feature alone in its class has no a: its
    silhouette is 0 (Rousseeuw 1987), which counts in the mean.

    Raises:
        ValueError: if there are fewer than two classes.
    """
    classes = _classes(labels_N)
    if len(classes) == len(labels_N):
        return 0.0  # each is alone; scikit-learn refuses
    return float(silhouette_score(features_ND.astype(np.float64), labels_N, metric="cosine"))


def knn_accuracy(features_ND: Features, labels_N: Labels, k: int) -> float:
    """Return the percentage of features whose k nearest others vote for their class.

    With k or fewer others, all of them vote. A tie goes to the class of the nearest among the
    tied. A feature alone in its class has nobody to vote for it: it is a miss.

    Raises:
        ValueError: if there are fewer than two classes, or k is less than 1.
    """
    classes = _classes(labels_N)
    if k < 1:
        raise ValueError(f"k is {k}, at least one neighbour must vote")
    k = min(k, len(labels_N) - 1)
    neighbours_NK = labels_N[_nearest_others(features_ND, k)]
    voted_NKC = neighbours_NK[:, :, None] == classes
    rank_NC = voted_NKC.argmax(axis=1)  # of a class's nearest
    winners_N = (voted_NKC.sum(axis=1) * k - rank_NC).argmax(axis=1)
    return 100 * float(np.mean(classes[winners_N] == labels_N))


def _nearest_others(features_ND: Features, k: int) -> NDArray[np.intp]:
    """Return the positions [N, K] of each feature's neighbours, nearest first."""
    features_ND = features_ND.astype(np.float64)
    unit_ND = features_ND / np.linalg.norm(features_ND, axis=1, keepdims=True)
    cosines_NN = unit_ND @ unit_ND.T
    np.fill_diagonal(cosines_NN, -np.inf)
    return np.argsort(-cosines_NN, axis=1, kind="stable")[:, :k]


def _classes(labels_N: Labels) -> Labels:
    classes = np.unique(labels_N)
    if len(classes) < 2:
        raise ValueError(f"separability needs two classes, there are {len(classes)}")
    return classes
