from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.data.sampling import (
    ClassIndex,
    class_aware_order,
    class_balanced_order,
    epoch_order,
    global_positives,
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    k=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
def test_positives_are_other_images_of_the_class_each_once(labels, k, seed):
    classes = torch.tensor(labels)
    anchors = torch.arange(len(labels))
    drawn = global_positives(ClassIndex(classes), anchors, k, torch.Generator().manual_seed(seed))
    assert drawn.shape == (len(labels), k)
    for anchor, row in zip(anchors, drawn, strict=True):
        others = int((classes == classes[anchor]).sum()) - 1
        assert (classes[row] == classes[anchor]).all()
        if others == 0:
            assert (row == anchor).all()
        else:
            assert (row != anchor).all()
        if others >= k:
            assert len(set(row.tolist())) == k


@pytest.mark.parametrize("k", [1, 3, 6, 9])
def test_every_other_image_is_drawn_equally_often(k):
    """Of six others; nine are drawn with replacement."""
    labels = torch.tensor([1, 0, 1, 1, 0, 1, 1, 1, 1])
    anchors = torch.full((20_000,), 3)
    drawn = global_positives(ClassIndex(labels), anchors, k, torch.Generator().manual_seed(0))
    share = torch.bincount(drawn.flatten(), minlength=9).double() / len(anchors)
    expected = torch.tensor([k / 6 if y == 1 and i != 3 else 0.0 for i, y in enumerate(labels)])
    torch.testing.assert_close(share, expected.double(), atol=0.03, rtol=0)


def test_draws_with_replacement_do_not_know_of_each_other():
    """Two of nine are the same one of six images by chance."""
    labels, anchors = torch.zeros(7, dtype=torch.long), torch.full((20_000,), 3)
    drawn = global_positives(ClassIndex(labels), anchors, 9, torch.Generator().manual_seed(0))
    for one, two in pairwise(drawn.T):
        assert float((one == two).double().mean()) == pytest.approx(1 / 6, abs=0.015)


def test_redrawn_on_every_visit_and_the_same_for_the_same_generator():
    index, anchors = ClassIndex(torch.zeros(100, dtype=torch.long)), torch.arange(10)
    one, two, three = (
        global_positives(index, anchors, 3, torch.Generator().manual_seed(s)) for s in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


@pytest.mark.slow
@given(size=st.integers(1, 100))
def test_epoch_visits_every_image_once(size):
    order = epoch_order(size, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(size))


def chi_square(positions, cells):
    """Return Pearson's statistic of positions (as cells) against equal frequencies."""
    observed = torch.bincount(positions, minlength=cells).double()
    expected = len(positions) / cells
    return float(((observed - expected) ** 2 / expected).sum())


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    absent=st.integers(0, 2),
    seed=st.integers(0, 1000),
)
def test_balanced_order_has_valid_positions_as_many_as_there_are_images(labels, absent, seed):
    """Whether or not every class has images."""
    classes = torch.tensor(labels)
    counts = torch.bincount(classes, minlength=4 + absent)
    one, two = (
        class_balanced_order(classes, counts, torch.Generator().manual_seed(seed)) for _ in range(2)
    )
    assert one.shape == (len(labels),)
    assert set(one.tolist()) <= set(range(len(labels)))
    assert torch.equal(one, two)


def test_balanced_order_differs_from_draw_to_draw():
    labels, draw = torch.arange(100) % 3, torch.Generator().manual_seed(0)
    counts = torch.bincount(labels)
    assert not torch.equal(*(class_balanced_order(labels, counts, draw) for _ in range(2)))


def test_balanced_order_visits_every_class_and_each_of_its_images_equally_often():
    """Class sizes 15,000 to 100; limits of chi-square at 0.1 %, 3 and 99 degrees of freedom."""
    counts = torch.tensor([15_000, 4_000, 900, 100])
    labels = torch.arange(4).repeat_interleave(counts)
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))]
    order = class_balanced_order(labels, counts, torch.Generator().manual_seed(0))
    assert chi_square(labels[order], 4) < 16.27
    rarest = (labels == 3).nonzero()[:, 0]
    drawn = torch.searchsorted(rarest, order[labels[order] == 3])
    assert chi_square(drawn, 100) < 148.2


# --- class-aware ---


def class_index(counts: list[int]) -> ClassIndex:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    return ClassIndex(labels[mixed])


def test_every_class_comes_once_in_as_many_groups_of_four_as_there_are_classes():
    counts = [50, 20, 7, 5, 1]
    index = class_index(counts)
    order = class_aware_order(index, 0, 4 * 5 * 30, seed=3)
    groups = index.labels_N[order].unflatten(0, (-1, 5, 4))
    assert (groups == groups[:, :, :1]).all()  # four of one class
    passes = groups[:, :, 0]
    assert torch.equal(passes.sort(dim=1).values, torch.arange(5).expand(30, 5))
    assert len({tuple(own) for own in passes.tolist()}) > 15  # in ever another order


def test_every_image_of_a_class_comes_before_one_comes_again():
    counts = [50, 20, 7, 5, 1]
    index = class_index(counts)
    order = class_aware_order(index, 0, 4 * 5 * 100, seed=3)
    for own, images in enumerate(counts):
        of_class = order[index.labels_N[order] == own]
        whole = of_class[: len(of_class) // images * images].unflatten(0, (-1, images))
        ranks = index.rank_N[whole].sort(dim=1).values
        assert torch.equal(ranks, torch.arange(images).expand_as(ranks))
        assert images < 3 or len({tuple(row) for row in whole.tolist()}) > 1


@pytest.mark.parametrize("lengths", [[4, 4, 4], [10, 7, 64], [1, 1, 1, 200]])
def test_epochs_go_on_where_the_last_one_ended(lengths):
    index = class_index([9, 5, 3])
    whole = class_aware_order(index, 0, sum(lengths), seed=5)
    first, parts = 0, []
    for length in lengths:
        parts.append(class_aware_order(index, first, length, seed=5))
        first += length
    assert torch.equal(torch.cat(parts), whole)


def test_another_seed_gives_another_class_aware_order():
    index = class_index([9, 5, 3])
    one, other = (class_aware_order(index, 0, 100, seed) for seed in (0, 1))
    assert not torch.equal(one, other)
