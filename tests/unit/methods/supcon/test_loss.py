"""The losses within a batch against float64 loops over the formulas, and their limits."""

import formulas
import pytest
import torch
from formulas import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from cogloat.data.sampling import choose, draw_lots
from cogloat.methods.moco.loss import contrastive_loss
from cogloat.methods.supcon.loss import batch_loss, other_view, same_class_views, same_image
from cogloat.methods.tsc.loss import tsc_loss
from cogloat.ranks import Part

EXACT = {"rtol": 1e-10, "atol": 1e-10}
EITHER = pytest.mark.parametrize("separate", [True, False])


def partner(i: int, n: int) -> int:
    return (i + n // 2) % n


def found_in(labels: list[int], k: int | str, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    views = 2 * len(labels)
    lots = draw_lots(Part(0, views, views), k, draw, torch.device("cpu"))
    return choose(same_class_views(torch.tensor(labels * 2)), k, lots)


LABELS = st.lists(st.integers(0, 2), min_size=1, max_size=4)
CHOSEN = st.sampled_from(["all", "none"]) | st.integers(1, 4)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    labels=LABELS,
    k=CHOSEN,
    others=st.integers(0, 3),
    separate=st.booleans(),
    tau=st.floats(0.05, 1),
    scale=st.none() | st.floats(0.05, 2),
    seed=st.integers(0, 10_000),
)
def test_value_and_gradient_are_those_of_the_formula(labels, k, others, separate, tau, scale, seed):
    """In the embeddings, which are anchors, positives and negatives, and in images of the set."""
    n, found = 2 * len(labels), found_in(labels, k, seed)
    taus = [tau + 0.1 * i for i in range(n)]
    inputs = unit(n, 6, seed=seed), unit(n, others, 6, seed=seed + 1)
    one, two = ([x.clone().requires_grad_() for x in inputs] for _ in range(2))
    temperatures = torch.tensor(taus, dtype=torch.float64)
    loss = batch_loss(
        *one,
        found,
        temperatures,
        separate=separate,
        weights_N=None if scale is None else temperatures / scale,
    )
    expected = formulas.in_batch(*two, taus, found, separate=separate, scale=scale)
    torch.testing.assert_close(loss, expected, **EXACT)
    gradients = (
        torch.autograd.grad(loss, one),
        torch.autograd.grad(expected, two, materialize_grads=True),  # there may be no others
    )
    torch.testing.assert_close(*gradients, **EXACT)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    labels=LABELS,
    k=CHOSEN,
    classes=st.integers(1, 4),
    weight=st.floats(0, 2),
    divisor=st.sampled_from(["positives", "positives_and_target"]),
    seed=st.integers(0, 10_000),
)
def test_tsc_within_the_batch_is_its_formula_anchor_by_anchor(
    labels, k, classes, weight, divisor, seed
):
    """Each against the views of other images; the supplement's formula, and its code's."""
    n, found = 2 * len(labels), found_in(labels, k, seed)
    assigned = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))
    taus = [0.1 + 0.1 * i for i in range(n)]
    inputs = unit(n, 6, seed=seed), unit(classes, 6, seed=seed + 1)
    one, two = ([x.clone().requires_grad_() for x in inputs] for _ in range(2))
    loss = tsc_loss(
        one[0],
        other_view(one[0]),
        one[0],
        found,
        one[1],
        assigned,
        torch.tensor(taus, dtype=torch.float64),
        weight,
        divisor,
        negative_mask_BK=same_image(one[0]),
    )
    z, expected = two[0], torch.zeros((), dtype=torch.float64)
    for i in range(n):
        seen = [a for a in range(n) if a not in (i, partner(i, n))]
        own = z[[partner(i, n)]]
        row = (z[[i]], own, z[seen], found[[i]][:, seen], two[1], [int(assigned[i])], [taus[i]])
        expected = expected + formulas.tsc(*row, weight, divisor) / n
    torch.testing.assert_close(loss, expected, **EXACT)
    gradients = torch.autograd.grad(loss, one), torch.autograd.grad(expected, two)
    torch.testing.assert_close(*gradients, **EXACT)


@EITHER
def test_gradient_is_that_of_finite_differences(separate):
    found = found_in([0, 1, 0], "all", 0)
    tau = torch.tensor([0.2, 0.5, 1.0] * 2, dtype=torch.float64)
    inputs = unit(6, 4, seed=0).requires_grad_(), unit(6, 2, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z, p: batch_loss(z, p, found, tau, separate=separate, weights_N=tau), inputs
    )


# --- what others call these losses ---


def logits_of(z: Tensor, tau: float) -> Tensor:
    return (z @ z.T / tau).fill_diagonal_(-torch.inf)


def test_the_other_view_alone_is_simclrs_loss_with_one_denominator_or_several():
    """NT-Xent: cross-entropy of 2B anchors over the 2B - 1 others."""
    z, nothing = unit(8, 6, seed=0), torch.zeros(8, 0, 6).double()
    expected = F.cross_entropy(logits_of(z, 0.3), torch.tensor([4, 5, 6, 7, 0, 1, 2, 3]))
    found = found_in([0, 1, 0, 2], "none", 0)
    for separate in (True, False):
        loss = batch_loss(z, nothing, found, 0.3, separate=separate)
        torch.testing.assert_close(loss, expected, **EXACT)


def test_all_of_the_class_in_one_denominator_is_supcons_loss():
    """L_out: soft labels, uniform over the class's other views, over the 2B - 1 others."""
    z, nothing = unit(8, 6, seed=0), torch.zeros(8, 0, 6).double()
    labels = torch.tensor([0, 1, 0, 0] * 2)
    same = (labels[:, None] == labels).fill_diagonal_(False).double()
    log_p = logits_of(z, 0.3).log_softmax(dim=1).nan_to_num(neginf=0.0)
    expected = -((same / same.sum(dim=1, keepdim=True)) * log_p).sum(dim=1).mean()
    loss = batch_loss(z, nothing, found_in([0, 1, 0, 0], "all", 0), 0.3, separate=False)
    torch.testing.assert_close(loss, expected, **EXACT)
    base = torch.full((8,), 0.3 / 0.07, dtype=torch.float64)
    scaled = batch_loss(
        z, nothing, found_in([0, 1, 0, 0], "all", 0), 0.3, separate=False, weights_N=base
    )
    torch.testing.assert_close(scaled, expected * 0.3 / 0.07, **EXACT)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(labels=LABELS, others=st.integers(0, 3), separate=st.booleans(), seed=st.integers(0, 10_000))
def test_it_is_the_queues_form_with_the_views_of_other_images_as_the_queue(
    labels, others, separate, seed
):
    n, found = 2 * len(labels), found_in(labels, "all", seed)
    z, p = unit(n, 6, seed=seed), unit(n, others, 6, seed=seed + 1)
    rows = []
    for i in range(n):
        seen = [a for a in range(n) if a not in (i, partner(i, n))]
        own = torch.cat([z[[partner(i, n)]], p[i]])[None]
        rows.append(
            contrastive_loss(z[[i]], own, z[seen], 0.2, found[[i]][:, seen], separate=separate)
        )
    loss = batch_loss(z, p, found, 0.2, separate=separate)
    torch.testing.assert_close(loss, torch.stack(rows).mean(), **EXACT)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(count=st.integers(1, 4), others=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_positives_of_eq_1_do_not_compete(count, others, seed):
    """The loss is the mean over positives of losses with that positive as the other view."""
    n = 2 * count
    z, p = unit(n, 6, seed=seed), unit(n, others, 6, seed=seed + 1)
    loss = batch_loss(z, p, found_in([0] * count, "none", 0), 0.3, separate=True)
    each = []
    for i in range(n):
        negatives = [z[a] for a in range(n) if a not in (i, partner(i, n))]
        for positive in (z[partner(i, n)], *p[i]):
            logits = torch.stack([positive, *negatives]) @ z[i] / 0.3
            each.append(-logits.log_softmax(dim=0)[0])
    torch.testing.assert_close(loss, torch.stack(each).mean(), **EXACT)


# --- which are positives ---


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_views_of_an_image_are_the_two_of_one_number_and_none_is_drawn_for_itself(labels):
    n = 2 * len(labels)
    both, same = torch.tensor(labels * 2), same_class_views(torch.tensor(labels * 2))
    for i in range(n):
        for a in range(n):
            of_one_image = a in (i, partner(i, n))
            assert bool(same_image(both)[i, a]) == of_one_image
            assert bool(same[i, a]) == (both[i] == both[a] and not of_one_image)
    z = unit(n, 3, seed=0)
    assert all(torch.equal(other_view(z)[i], z[partner(i, n)]) for i in range(n))


@pytest.mark.slow
def test_positives_of_the_batch_are_drawn_uniformly():
    labels = [0, 0, 0, 1]
    share = sum(found_in(labels, 3, seed).double() for seed in range(4000)) / 4000
    candidates = same_class_views(torch.tensor(labels * 2)).double()
    torch.testing.assert_close(share, candidates * 3 / 4, atol=0.03, rtol=0)


# --- invariants and limits ---


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.integers(0, 2), min_size=2, max_size=5),
    separate=st.booleans(),
    others=st.integers(0, 2),
    k=CHOSEN,
    seed=st.integers(0, 1000),
)
def test_order_of_images_and_of_views_does_not_matter(labels, separate, others, k, seed):
    count = len(labels)
    z, p = unit(2 * count, 4, seed=seed), unit(2 * count, others, 4, seed=seed + 1)
    found = found_in(labels, k, seed)
    tau = torch.rand(2 * count, generator=torch.Generator().manual_seed(seed)).double() + 0.1
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    one = batch_loss(z, p, found, tau, separate=separate, weights_N=tau)
    for rows in (torch.cat([order, order + count]), torch.cat([order + count, order])):
        two = batch_loss(
            z[rows],
            p[rows],
            found[rows][:, rows],
            tau[rows],
            separate=separate,
            weights_N=tau[rows],
        )
        torch.testing.assert_close(one, two, **EXACT)


@EITHER
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_alone_in_its_batch_adds_nothing(separate, dtype):
    """Nothing competes with its other view: a loss and a gradient of 0, not of nan."""
    z = unit(2, 6, seed=0).to(dtype).requires_grad_()
    nothing = torch.zeros(2, 0, 6, dtype=dtype)
    with torch.autograd.set_detect_anomaly(True):
        loss = batch_loss(z, nothing, found_in([0], "all", 0), 0.07, separate=separate)
        loss.backward()
    assert float(loss.detach()) == 0
    assert (z.grad == 0).all()


@EITHER
def test_an_image_alone_in_its_class_has_its_other_view_alone(separate):
    z, nothing = unit(6, 6, seed=0), torch.zeros(6, 0, 6).double()
    alone = batch_loss(z, nothing, found_in([0, 1, 2], "all", 0), 0.2, separate=separate)
    simclr = batch_loss(z, nothing, found_in([0, 1, 2], "none", 0), 0.2, separate=separate)
    torch.testing.assert_close(alone, simclr, rtol=0, atol=0)
    assert torch.isfinite(alone)


@EITHER
@pytest.mark.parametrize("tau", [1e-3, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_give_finite_values_and_gradients(separate, tau, dtype):
    """Views equal or opposite to each other."""
    v = unit(2, 4, seed=0).to(dtype)
    for z in (torch.cat([v, v]), torch.cat([v, -v])):
        z.requires_grad_()
        with torch.autograd.set_detect_anomaly(True):
            loss = batch_loss(z, z[:, None], found_in([0, 0], "all", 0), tau, separate=separate)
            loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(z.grad).all()


@EITHER
def test_networks_in_bfloat16_leave_the_loss_in_float32(separate):
    z, p = unit(8, 64, seed=0).float(), unit(8, 2, 64, seed=1).float()
    found = found_in([0, 1, 0, 0], "all", 0)
    expected = batch_loss(z, p, found, 0.07, separate=separate)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(batch_loss(z, p, found, 0.07, separate=separate), expected)
