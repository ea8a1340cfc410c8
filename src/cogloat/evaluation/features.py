"""How a feature space is shaped: spread within classes, distance between them (section 4).

Shapes: N features, C classes, D dimensions. Everything is float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cogloat.results.features import Measures

CHUNK = 1024  # rows of a distance matrix at a time


def describe_features(features_ND: Tensor, labels_N: Tensor, classes: int) -> Measures:
    """Return every measure of Table 1, intra alignment with pairs counted either way, and balance.

    Two classes of one feature each have no spread to divide by: no improved uniformity then.
    Balance is how little variances differ between classes, and distances between pairs of centres.

    Raises:
        ValueError: naming the classes without a feature.
    """
    centres_CD = class_centres(features_ND, labels_N, classes)
    variances_C = class_variances(features_ND, labels_N, centres_CD)
    ordered = float(intra_alignment(features_ND, labels_N, classes))
    improved = float(improved_inter_uniformity(centres_CD, variances_C))
    return Measures(
        intra_ordered=ordered,
        intra_unordered=ordered / 2,
        variance=float(variances_C.mean()),
        inter=float(inter_uniformity(centres_CD)),
        improved_inter=improved if math.isfinite(improved) else None,
        variance_spread=spread(variances_C),
        inter_spread=spread(pair_distances(centres_CD)),
    )


def intra_alignment(features_ND: Tensor, labels_N: Tensor, classes: int) -> Tensor:
    """Return the mean over classes of the mean distance over all ordered pairs (eq. 9).

    A feature and itself are a pair too: the sum is divided by the square of the class's size.
    Counting each unordered pair once, over the same divisor, gives half of it.
    """
    means = []
    for label in range(classes):
        own = features_ND[labels_N == label].double()
        sums = torch.stack([_distances(part, own).sum() for part in own.split(CHUNK)])
        means.append(sums.sum() / len(own) ** 2)
    return torch.stack(means).mean()


def class_centres(features_ND: Tensor, labels_N: Tensor, classes: int) -> Tensor:
    """Return the mean feature [C, D] of each class.

    Raises:
        ValueError: naming the classes without a feature.
    """
    counts_C = torch.bincount(labels_N, minlength=classes)
    if (counts_C == 0).any():
        empty = torch.nonzero(counts_C == 0).flatten().tolist()
        raise ValueError(f"classes without a feature have no centre: {empty}")
    sums_CD = torch.zeros(
        (classes, features_ND.shape[1]), dtype=torch.float64, device=features_ND.device
    )
    return sums_CD.index_add_(0, labels_N, features_ND.double()) / counts_C[:, None]


def class_variances(features_ND: Tensor, labels_N: Tensor, centres_CD: Tensor) -> Tensor:
    """Return the mean distance (not squared, as printed) to each class's centre [C] (eq. 11)."""
    distances_N = (features_ND.double() - centres_CD[labels_N]).norm(dim=1)
    sums_C = torch.zeros_like(centres_CD[:, 0]).index_add_(0, labels_N, distances_N)
    return sums_C / torch.bincount(labels_N, minlength=len(centres_CD))


def inter_uniformity(centres_CD: Tensor) -> Tensor:
    """Return the mean distance between the centres of two classes (eq. 12)."""
    classes = len(centres_CD)
    return _distances(centres_CD, centres_CD).sum() / (classes * (classes - 1))


def improved_inter_uniformity(centres_CD: Tensor, variances_C: Tensor) -> Tensor:
    """Return the mean distance of centres over the mean variance of the two classes (eq. 13)."""
    classes = len(centres_CD)
    ratios_CC = _distances(centres_CD, centres_CD) / (variances_C[:, None] + variances_C)
    return 2 * ratios_CC.fill_diagonal_(0).sum() / (classes * (classes - 1))


def pair_distances(centres_CD: Tensor) -> Tensor:
    """Return the distance of every two centres [C (C - 1) / 2]."""
    first, second = torch.triu_indices(
        len(centres_CD), len(centres_CD), offset=1, device=centres_CD.device
    )
    return _distances(centres_CD, centres_CD)[first, second]


def spread(values_N: Tensor) -> float | None:
    """Return the (population) standard deviation over the mean: 0 where all are alike.

    It is None where the mean is 0.
    """
    mean = float(values_N.mean())
    return float(values_N.std(correction=0)) / mean if mean > 0 else None


def _distances(rows_ND: Tensor, columns_MD: Tensor) -> Tensor:
    """Return Euclidean distances [N, M] by one matrix product."""
    squares_NM = (
        rows_ND.square().sum(dim=1, keepdim=True)
        + columns_MD.square().sum(dim=1)
        - 2 * rows_ND @ columns_MD.T
    )
    return squares_NM.clamp(min=0).sqrt()
