import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.data.sampling import ClassIndex, epoch_order, global_positives


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


@pytest.mark.parametrize("k", [1, 3, 6])
def test_every_other_image_is_drawn_equally_often(k):
    labels = torch.tensor([1, 0, 1, 1, 0, 1, 1, 1, 1])
    anchors = torch.full((20_000,), 3)
    drawn = global_positives(ClassIndex(labels), anchors, k, torch.Generator().manual_seed(0))
    share = torch.bincount(drawn.flatten(), minlength=9).double() / len(anchors)
    expected = torch.tensor([k / 6 if y == 1 and i != 3 else 0.0 for i, y in enumerate(labels)])
    torch.testing.assert_close(share, expected.double(), atol=0.015, rtol=0)


def test_redrawn_on_every_visit_and_the_same_for_the_same_generator():
    index, anchors = ClassIndex(torch.zeros(100, dtype=torch.long)), torch.arange(10)
    one, two, three = (
        global_positives(index, anchors, 3, torch.Generator().manual_seed(s)) for s in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


@given(size=st.integers(1, 100))
def test_epoch_visits_every_image_once(size):
    order = epoch_order(size, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(size))
