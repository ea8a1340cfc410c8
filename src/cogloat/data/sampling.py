"""Which images meet in a batch.

Shapes: N images, C classes, B anchors, K positives.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from cogloat.randomness import generator, sent
from cogloat.ranks import Part

GROUP = 4  # images that a class gives in its turn


def epoch_order(size: int, generator: torch.Generator) -> Tensor:
    """Return a permutation of the images."""
    return torch.randperm(size, generator=generator)


def class_balanced_order(labels_N: Tensor, counts_C: Tensor, generator: torch.Generator) -> Tensor:
    """Return as many positions as there are images, with replacement, every class as often.

    Labels, counts and generator are on the CPU.
    """
    weights_N = 1 / counts_C.double()[labels_N]
    return torch.multinomial(weights_N, len(labels_N), replacement=True, generator=generator)


def class_aware_order(index: ClassIndex, first: int, count: int, seed: int) -> Tensor:
    """Return a part of an endless list of positions in which all classes are equally often.

    Their order is shuffled in each pass over them; the next class gives its next four images, from
    its own endless list, which is shuffled in each pass over the class (Shen et al. 2016; the form
    is that of OLTR's code). A small class repeats its images within a group.

    Args:
        index: of the training set.
        first: place in the list where the part begins.
        count: positions in the part.
        seed: of the run.
    """
    classes = len(index.count_C)
    groups = range(first // GROUP, -(-(first + count) // GROUP))
    passes = range(groups.start // classes, -(-groups.stop // classes))
    order = torch.cat(
        [torch.randperm(classes, generator=generator(seed, "classes", own)) for own in passes]
    )
    before = passes.start * classes
    classes_G = order[groups.start - before : groups.stop - before]
    turns_G = torch.arange(groups.start, groups.stop) // classes
    ranks_CT = torch.stack(
        [_ranks(int(images), passes, seed, own) for own, images in enumerate(index.count_C)]
    )
    ranks_CP4 = ranks_CT.unflatten(1, (-1, GROUP))
    ranks_G4 = ranks_CP4[classes_G, turns_G - passes.start]
    places = (index.start_C[classes_G][:, None] + ranks_G4).flatten()
    skipped = first - groups.start * GROUP
    return index.order_N[places[skipped : skipped + count]]


def _ranks(images: int, passes: range, seed: int, number: int) -> Tensor:
    """Return which of a class's images it gives in some passes, four in each."""
    places = torch.arange(GROUP * passes.start, GROUP * passes.stop)
    shuffles = range(int(places[0]) // images, int(places[-1]) // images + 1)
    ranks = torch.cat(
        [
            torch.randperm(images, generator=generator(seed, "class", number, own))
            for own in shuffles
        ]
    )
    return ranks[places - shuffles.start * images]


class ClassIndex:
    """Where each class's images are, on the host.

    Attributes:
        order_N: the images, class by class.
        rank_N: an image's rank among its class's, counted from 0.
        start_C: where a class begins in `order_N`.
        count_C: its images.
    """

    def __init__(self, labels_N: Tensor) -> None:
        self.labels_N = labels_N = labels_N.cpu()
        self.order_N = labels_N.argsort(stable=True)
        self.count_C = torch.bincount(labels_N)
        self.start_C = self.count_C.cumsum(0) - self.count_C
        sorted_N = torch.empty_like(self.order_N)
        sorted_N[self.order_N] = torch.arange(len(labels_N))
        self.rank_N = sorted_N - self.start_C[labels_N]


def global_positives(
    index: ClassIndex, anchors_B: Tensor, k: int, generator: torch.Generator
) -> Tensor:
    """Draw k other images of each anchor's class from the whole set.

    They are drawn uniformly without replacement; with replacement where a class has fewer than k
    other images. An image alone in its class is its own positive.

    Args:
        index: of the training set.
        anchors_B: positions of the anchors.
        k: images an anchor.
        generator: of the draw.

    Returns:
        Positions [B, k].
    """
    labels_B = index.labels_N[anchors_B]
    others_B = index.count_C[labels_B] - 1
    lots_Bk = torch.rand((len(anchors_B), k), generator=generator, dtype=torch.float64)
    drawn_Bk = torch.where(
        (others_B >= k)[:, None],
        without_replacement(lots_Bk, others_B),
        (lots_Bk * others_B[:, None]).long(),
    )
    own_B1 = index.rank_N[anchors_B][:, None]
    ranks_Bk = torch.where(drawn_Bk >= own_B1, drawn_Bk + 1, drawn_Bk)
    ranks_Bk = torch.where((others_B == 0)[:, None], own_B1, ranks_Bk)
    return index.order_N[index.start_C[labels_B][:, None] + ranks_Bk]


def draw_lots(
    part: Part, k: int | Literal["all", "none"], generator: torch.Generator, device: torch.device
) -> Tensor | None:
    """Draw what `choose` chooses by.

    Args:
        part: of the rows for which is drawn.
        k: how many are to be chosen in each.
        generator: of the draw.
        device: gets them.

    Returns:
        Uniform numbers [B, k]; nothing where all are chosen, or none.
    """
    if not isinstance(k, int):
        return None
    lots_Bk = torch.rand((part.whole, k), generator=generator, dtype=torch.float64)
    return sent(part.of(lots_Bk), device)


def choose(
    candidates_BK: Tensor, k: int | Literal["all", "none"], lots_Bk: Tensor | None
) -> Tensor:
    """Choose up to k of the candidates of each row, uniformly without replacement.

    Args:
        candidates_BK: a mask, on any device.
        k: their number, at least 1, or all, or none.
        lots_Bk: from `draw_lots`, on the same device.

    Returns:
        A mask [B, K].
    """
    if k == "all":
        return candidates_BK
    if k == "none":
        return torch.zeros_like(candidates_BK)
    assert lots_Bk is not None
    rows, columns = candidates_BK.shape
    until_BK = candidates_BK.cumsum(dim=1)  # candidates up to here
    there_are_B = until_BK[:, -1]
    # the last column is for the ranks of candidates that there are not
    every_k = torch.arange(k, device=candidates_BK.device)
    rank_Bk = torch.where(
        (there_are_B >= k)[:, None], without_replacement(lots_Bk, there_are_B), every_k
    )
    place_Bk = torch.searchsorted(until_BK, rank_Bk + 1)
    chosen_BK = torch.zeros(rows, columns + 1, dtype=torch.bool, device=candidates_BK.device)
    return chosen_BK.scatter_(1, place_Bk, value=True)[:, :columns]


def without_replacement(lots_Bk: Tensor, sizes_B: Tensor) -> Tensor:
    """Turn k uniform lots into k distinct numbers below each size (Floyd's algorithm).

    The sizes are at least k; of a smaller one nothing is said.
    """
    k = lots_Bk.shape[1]
    drawn: list[Tensor] = []
    for turn in range(k):
        last_B = sizes_B - k + turn
        lot_B = (lots_Bk[:, turn] * (last_B + 1)).long()
        taken_B = torch.zeros_like(lot_B, dtype=torch.bool)
        for earlier_B in drawn:
            taken_B |= lot_B == earlier_B
        drawn.append(torch.where(taken_B, last_B, lot_B))
    return torch.stack(drawn, dim=1) if drawn else lots_Bk.long()
