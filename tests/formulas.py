"""The losses as their sources print them, term by term in float64; slow, and written on their own.

Shapes: B anchors, D embedding, K queue entries, C classes. Masks say which entries count.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def unit(*shape: int, seed: int) -> Tensor:
    """Return random unit vectors."""
    draw = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=draw, dtype=torch.float64), dim=-1)


def contrast(
    query: Tensor,
    positives: Tensor,
    negatives: Tensor,
    tau: Sequence[float],
    found: Tensor,
    masked: Tensor,
    *,
    separate: bool,
    scale: float | None = None,
) -> Tensor:
    """Eq. 1 of the paper (separate), or KCL's loss (Kang et al. 2021).

    `found` are positives among the negatives, `masked` those that an anchor does not see. With a
    scale an anchor's loss is multiplied by tau / scale, as SupCon's by T / T_base.
    """
    total = torch.zeros((), dtype=torch.float64)
    for i in range(len(query)):
        e_out = [torch.exp(query[i] @ p / tau[i]) for p in positives[i]]
        e_queue = [torch.exp(query[i] @ a / tau[i]) for a in negatives]
        rest = sum((e for j, e in enumerate(e_queue) if not masked[i, j]), torch.zeros(()))
        shared = e_out[0] + rest if separate else sum(e_out) + rest
        terms = [torch.log(e / ((e + rest) if separate else shared)) for e in e_out]
        terms += [torch.log(e / shared) for j, e in enumerate(e_queue) if found[i, j]]
        factor = 1 if scale is None else tau[i] / scale
        total = total - factor * sum(terms) / len(terms)
    return total / len(query)


def in_batch(
    z: Tensor,
    others: Tensor,
    tau: Sequence[float],
    found: Tensor,
    *,
    separate: bool,
    scale: float | None = None,
) -> Tensor:
    """Eq. 1 (separate) or SupCon's L_out (Khosla et al. 2020), every view of a batch an anchor.

    Views are in two halves of one order. `others` are positives [N, P] from outside the batch,
    `found` those in it beside the other view. With a scale an anchor's loss is multiplied by
    tau / scale, as SupCon's by T / T_base.
    """
    total, n = torch.zeros((), dtype=torch.float64), len(z)
    for i in range(n):
        own = i + n // 2 if i < n // 2 else i - n // 2
        e = [torch.exp(z[i] @ z[a] / tau[i]) for a in range(n)]
        v_i = sum((e[a] for a in range(n) if a not in (i, own)), torch.zeros(()))
        e_out = [e[own]] + [torch.exp(z[i] @ p / tau[i]) for p in others[i]]
        shared = v_i + (e[own] if separate else sum(e_out))
        terms = [torch.log(x / (x + v_i if separate else shared)) for x in e_out]
        terms += [torch.log(e[a] / shared) for a in range(n) if found[i, a]]
        total = total - (1 if scale is None else tau[i] / scale) * sum(terms) / len(terms)
    return total / n


def proco(views: Tensor, prototypes: Tensor, labels: Sequence[int], tau: float) -> Tensor:
    """-1/(A Q N) of the sum over images, query views and coreset views of log of the own share."""
    total = torch.zeros((), dtype=torch.float64)
    for i, y in enumerate(labels):
        for view in views:
            for centres in prototypes:
                e = [torch.exp(view[i] @ c / tau) for c in centres]
                total = total - torch.log(e[y] / sum(e))
    return total / (len(labels) * len(views) * len(prototypes))


def tsc(
    query: Tensor,
    own: Tensor,
    queue: Tensor,
    found: Tensor,
    targets: Tensor,
    assigned: Sequence[int],
    tau: Sequence[float],
    weight: float,
    divisor: str,
    scale: float | None = None,
) -> Tensor:
    """TSC's loss: the supplement's formula ("positives"), or with the divisor of the code.

    The supplement: 1/(k+1) of the sum over the k found and the own key, plus lambda log p(c*).
    The code: both sums over found + 2 (own key, found entries, target).
    With a scale an anchor's loss is multiplied by tau / scale.
    """
    total = torch.zeros((), dtype=torch.float64)
    for i, t in enumerate(assigned):
        e_own = torch.exp(query[i] @ own[i] / tau[i])
        e_queue = [torch.exp(query[i] @ a / tau[i]) for a in queue]
        e_target = [torch.exp(query[i] @ c / tau[i]) for c in targets]
        d = sum(e_queue, e_own) + sum(e_target)
        terms = [torch.log(e_own / d)]
        terms += [torch.log(e / d) for a, e in enumerate(e_queue) if found[i, a]]
        to_target = weight * torch.log(e_target[t] / d)
        k = len(terms) - 1
        factor = 1 if scale is None else tau[i] / scale
        if divisor == "positives":
            total = total - factor * (sum(terms) / (k + 1) + to_target)
        else:
            total = total - factor * (sum(terms) + to_target) / (k + 2)
    return total / len(assigned)


def paco(
    queries: Tensor,
    others: Tensor,
    labels: Sequence[int],
    other_labels: Sequence[int],
    scores: Tensor,
    counts: Sequence[int],
    alpha: float,
    tau: float,
) -> Tensor:
    """PaCo's loss (Cui et al. 2021; beta = gamma = supt = 1); the others begin with the queries."""
    total = torch.zeros((), dtype=torch.float64)
    for i, y in enumerate(labels):
        e_class = [
            torch.exp(scores[i, c] + math.log(counts[c] / sum(counts))) for c in range(len(counts))
        ]
        e_other = [torch.exp(queries[i] @ a / tau) for a in others]
        d = sum(e_class) + sum((e for a, e in enumerate(e_other) if a != i), torch.zeros(()))
        pairs = [a for a, label in enumerate(other_labels) if label == y and a != i]
        terms = torch.log(e_class[y] / d)
        for a in pairs:
            terms = terms + alpha * torch.log(e_other[a] / d)
        total = total - terms / (1 + alpha * len(pairs))
    return total / len(labels)


def bcl(z: Tensor, labels: Sequence[int], c: Tensor, tau: float, *, by_weights: bool) -> Tensor:
    """BCL's loss: -log p averaged over an anchor's positives, then over anchors.

    The denominator has two equal forms: with the official code's weights, or by means over classes.
    """
    denominator = _by_weights if by_weights else by_means
    total = torch.zeros((), dtype=torch.float64)
    for i, y in enumerate(labels):
        d = denominator(z, labels, c, tau, i)
        positives = [z[p] for p in range(len(z)) if labels[p] == y and p != i] + [c[y]]
        terms = [torch.log(torch.exp(z[i] @ p / tau) / d) for p in positives]
        total = total - sum(terms) / len(terms)
    return total / len(labels)


def by_means(z: Tensor, labels: Sequence[int], c: Tensor, tau: float, i: int) -> Tensor:
    """Sum over classes the mean of the exponentials of the class's items, the anchor left out."""
    total = torch.zeros((), dtype=torch.float64)
    for y in range(len(c)):
        items = [z[a] for a in range(len(z)) if labels[a] == y and a != i] + [c[y]]
        total = total + sum(torch.exp(z[i] @ item / tau) for item in items) / len(items)
    return total


def _by_weights(z: Tensor, labels: Sequence[int], c: Tensor, tau: float, i: int) -> Tensor:
    """Sum exp / w_a over the anchor's items; w_a counts a's class, less one if it is the anchor's.

    The class's count is its items in the batch's views and its centre.
    """
    total = torch.zeros((), dtype=torch.float64)
    for a, (item, y) in enumerate(zip([*z, *c], [*labels, *range(len(c))], strict=True)):
        if a != i:
            w = list(labels).count(y) + 1 - (y == labels[i])
            total = total + torch.exp(z[i] @ item / tau) / w
    return total


def cross_entropy(
    scores: Tensor,
    labels: Sequence[int],
    weights: Sequence[float] | None = None,
    margins: Sequence[float] | None = None,
    scale: float = 1.0,
) -> Tensor:
    """LDAM: the weighted mean of -log of the true class's share, its score less its margin."""
    classes = scores.shape[1]
    weights, margins = weights or [1.0] * classes, margins or [0.0] * classes
    total, divisor = torch.zeros((), dtype=torch.float64), 0.0
    for z, y in zip(scores, labels, strict=True):
        true = torch.exp(scale * (z[y] - margins[y]))
        others = sum((torch.exp(scale * z[c]) for c in range(classes) if c != y), torch.zeros(()))
        total = total - weights[y] * torch.log(true / (true + others))
        divisor += weights[y]
    return total / divisor


def focal(
    scores: Tensor, labels: Sequence[int], gamma: float, weights: Sequence[float] | None = None
) -> Tensor:
    """Mean over images of (1 - e^-l)^gamma l, where l is the weighted cross-entropy of an image."""
    weights = weights or [1.0] * scores.shape[1]
    total = torch.zeros((), dtype=torch.float64)
    for z, y in zip(scores, labels, strict=True):
        image = -weights[y] * torch.log(torch.exp(z[y]) / sum(torch.exp(score) for score in z))
        total = total + (1 - torch.exp(-image)) ** gamma * image
    return total / len(labels)
