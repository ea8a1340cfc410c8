"""BCL's contrastive loss against float64 loops over both forms of the formula, and its limits."""

import formulas
import pytest
import torch
from formulas import by_means, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cogloat.methods.bcl.loss import bcl_loss

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    labels=st.integers(1, 5).flatmap(
        lambda c: st.tuples(st.just(c), st.lists(st.integers(0, c - 1), min_size=1, max_size=8))
    ),
    by_weights=st.booleans(),
    tau=st.floats(0.05, 1),
    seed=st.integers(0, 10_000),
)
def test_value_and_gradient_are_those_of_both_forms(labels, by_weights, tau, seed):
    """In embeddings and centres; classes may be absent, or have one image, or all of them."""
    classes, drawn = labels
    inputs = unit(len(drawn), 6, seed=seed), unit(classes, 6, seed=seed + 1)
    one = [x.clone().requires_grad_() for x in inputs]
    two = [x.clone().requires_grad_() for x in inputs]
    loss = bcl_loss(one[0], torch.tensor(drawn), one[1], tau)
    expected = formulas.bcl(two[0], drawn, two[1], tau, by_weights=by_weights)
    torch.testing.assert_close(loss, expected, **EXACT)
    loss.backward()
    expected.backward()
    for ours, theirs in zip(one, two, strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, **EXACT)


def test_gradient_is_that_of_finite_differences_in_embeddings_and_centres():
    labels = torch.tensor([0, 0, 0, 1, 3])
    inputs = unit(5, 4, seed=0).requires_grad_(), unit(4, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda z, c: bcl_loss(z, labels, c, 0.2), inputs)


def test_absent_class_contributes_exactly_its_centre():
    """Anchors of class 0 meet one image of class 1, and classes 2 and 3 as centres alone."""
    z, c, labels, tau = unit(3, 6, seed=0), unit(4, 6, seed=1), torch.tensor([0, 0, 1]), 0.5
    two = bcl_loss(z, labels, c[:2], tau)
    four = bcl_loss(z, labels, c, tau)
    expected = 0.0
    for i in range(3):
        d = by_means(z, labels.tolist(), c[:2], tau, i)
        absent = torch.exp(z[i] @ c[2] / tau) + torch.exp(z[i] @ c[3] / tau)
        expected = expected + torch.log((d + absent) / d) / 3
    torch.testing.assert_close(four - two, expected, **EXACT)


@pytest.mark.parametrize("label", [0, 2])
def test_batch_of_one_is_cross_entropy_over_the_centres(label):
    z, c = unit(1, 6, seed=0), unit(3, 6, seed=1)
    loss = bcl_loss(z, torch.tensor([label]), c, 0.1)
    torch.testing.assert_close(loss, F.cross_entropy(z @ c.T / 0.1, torch.tensor([label])), **EXACT)


def test_one_image_a_class_is_cross_entropy_with_a_mean_of_image_and_centre_for_each_rival():
    z, c, tau = unit(3, 6, seed=0), unit(3, 6, seed=1), 0.5
    to_image, to_centre = torch.exp(z @ z.T / tau), torch.exp(z @ c.T / tau)
    means = (to_image + to_centre) / 2
    means[range(3), range(3)] = to_centre.diagonal()
    loss = bcl_loss(z, torch.arange(3), c, tau)
    torch.testing.assert_close(
        loss, F.nll_loss((means / means.sum(1, True)).log(), torch.arange(3))
    )


def test_one_class_alone_has_a_denominator_that_is_a_mean():
    """Coinciding embeddings and centre: p is 1 for each positive, however many there are."""
    z = unit(1, 6, seed=0)
    loss = bcl_loss(z.repeat(5, 1), torch.zeros(5, dtype=torch.long), z, 0.1)
    assert float(loss) == pytest.approx(0, abs=1e-12)


def test_copies_of_a_class_do_not_change_its_weight():
    """Class averaging: where items and centre coincide, each further item adds the same anchor."""
    z, c = unit(2, 6, seed=0), unit(2, 6, seed=1)
    c[1] = z[1]
    sums = []
    for copies in (1, 4, 7):
        batch = torch.cat([z[:1], z[1:].repeat(copies, 1)])
        labels = torch.tensor([0] + [1] * copies)
        sums.append(bcl_loss(batch, labels, c, 0.5) * len(batch))
    torch.testing.assert_close(sums[2] - sums[1], sums[1] - sums[0], **EXACT)


@pytest.mark.parametrize("tau", [1e-3, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 2, 0], [2, 2, 1, 0]])
def test_extreme_logits_give_finite_values_and_gradients(tau, dtype, labels):
    """Positives equal and opposite to the anchors, of a centre that is the opposite too."""
    v = unit(2, 4, seed=0)
    z = torch.cat([v, -v]).to(dtype).requires_grad_()
    c = torch.cat([-v, v[:1]]).to(dtype).requires_grad_()
    with torch.autograd.set_detect_anomaly(True):
        loss = bcl_loss(z, torch.tensor(labels), c, tau)
        loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(z.grad).all()
    assert torch.isfinite(c.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_centre_opposite_to_the_only_image_costs_the_gap(dtype):
    z = torch.tensor([[1.0, 0.0]], dtype=dtype)
    loss = bcl_loss(z, torch.tensor([0]), torch.cat([-z, z]), 1e-3)
    assert float(loss) == pytest.approx(2000)


def test_networks_in_bfloat16_leave_the_loss_in_float32():
    z, c = unit(8, 64, seed=7).float(), unit(3, 64, seed=8).float()
    labels = torch.arange(8) % 3
    expected = bcl_loss(z, labels, c, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = bcl_loss(z, labels, c, 0.1)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000))
def test_order_of_images_and_names_of_classes_do_not_matter(seed):
    draw = torch.Generator().manual_seed(seed)
    z, c = unit(6, 4, seed=seed), unit(4, 4, seed=seed + 1)
    labels = torch.randint(4, (6,), generator=draw)
    rows, names = torch.randperm(6, generator=draw), torch.randperm(4, generator=draw)
    one = bcl_loss(z, labels, c, 0.1)
    two = bcl_loss(z[rows], names.argsort()[labels[rows]], c[names], 0.1)
    torch.testing.assert_close(one, two, **EXACT)
