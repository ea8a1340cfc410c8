"""The contrastive losses against float64 loops over the formulas, and their limits."""

import math

import formulas
import pytest
import torch
from formulas import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from cogloat.data.sampling import draw_lots
from cogloat.methods.moco.loss import choose_queue_positives, contrastive_loss
from cogloat.models.momentum import LabelQueue
from cogloat.ranks import Part


def lots(rows: int, k: int | str, draw: torch.Generator | None = None) -> Tensor:
    return draw_lots(Part(0, rows, rows), k, draw or torch.Generator(), torch.device("cpu"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 5),
    positives=st.integers(1, 4),
    queue=st.integers(1, 7),
    separate=st.booleans(),
    tau=st.floats(0.05, 1),
    scale=st.none() | st.floats(0.05, 2),
    seed=st.integers(0, 10_000),
)
def test_value_and_gradient_are_those_of_the_formula(
    batch, positives, queue, separate, tau, scale, seed
):
    draw = torch.Generator().manual_seed(seed)
    masked = torch.rand(batch, queue, generator=draw) < 0.3
    found = (torch.rand(batch, queue, generator=draw) < 0.4) & ~masked
    taus = [tau + 0.1 * i for i in range(batch)]
    p, n = unit(batch, positives, 6, seed=seed + 1), unit(queue, 6, seed=seed + 2)
    one = unit(batch, 6, seed=seed).requires_grad_()
    two = one.detach().clone().requires_grad_()
    temperatures = torch.tensor(taus, dtype=torch.float64)
    loss = contrastive_loss(
        one,
        p,
        n,
        temperatures,
        queue_positives_BK=found,
        separate=separate,
        negative_mask_BK=masked,
        weights_B=None if scale is None else temperatures / scale,
    )
    expected = formulas.contrast(two, p, n, taus, found, masked, separate=separate, scale=scale)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, two.grad)


@pytest.mark.parametrize("separate", [True, False])
def test_gradient_is_that_of_finite_differences_in_queries_keys_and_queue(separate):
    inputs = unit(3, 4, seed=0), unit(3, 2, 4, seed=1), unit(5, 4, seed=2)
    found = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=torch.bool)
    masked = torch.tensor([[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 1, 1, 1]], dtype=torch.bool)
    tau = torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)

    def loss(query: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        return contrastive_loss(
            query, positives, negatives, tau, found, separate=separate, negative_mask_BK=masked
        )

    assert torch.autograd.gradcheck(loss, tuple(x.requires_grad_() for x in inputs))


def test_eq_1_gradient_is_the_closed_form():
    """dL/dv = 1/(tau (k+1)) sum_j [-p_j (1 - e_j/(e_j+S)) + sum_n v_n e_n/(e_j+S)]."""
    tau, k = 0.2, 3
    v = unit(1, 5, seed=0).requires_grad_()
    p, n = unit(1, k + 1, 5, seed=1), unit(6, 5, seed=2)
    contrastive_loss(v, p, n, tau, separate=True).backward()
    e = torch.exp(v.detach()[0] @ p[0].T / tau)
    e_n = torch.exp(v.detach()[0] @ n.T / tau)
    s = e_n.sum()
    expected = sum(
        -p[0, j] * (1 - e[j] / (e[j] + s)) + (n * e_n[:, None]).sum(0) / (e[j] + s)
        for j in range(k + 1)
    ) / (tau * (k + 1))
    torch.testing.assert_close(v.grad[0], expected)


@pytest.mark.parametrize("separate", [True, False])
def test_own_key_alone_is_moco_infonce(separate):
    v, own, queue = unit(4, 6, seed=0), unit(4, 1, 6, seed=1), unit(9, 6, seed=2)
    logits = torch.cat([(v * own[:, 0]).sum(1, keepdim=True), v @ queue.T], dim=1) / 0.07
    expected = F.cross_entropy(logits, torch.zeros(4, dtype=torch.long))
    torch.testing.assert_close(contrastive_loss(v, own, queue, 0.07, separate=separate), expected)


def test_separate_positives_are_the_mean_of_infonce_losses():
    v, p, queue = unit(4, 6, seed=0), unit(4, 3, 6, seed=1), unit(9, 6, seed=2)
    each = [contrastive_loss(v, p[:, j : j + 1], queue, 0.3, separate=True) for j in range(3)]
    loss = contrastive_loss(v, p, queue, 0.3, separate=True)
    torch.testing.assert_close(loss, torch.stack(each).mean())


def test_kcl_is_cross_entropy_with_soft_labels_over_own_key_and_queue():
    v, own, queue = unit(3, 6, seed=0), unit(3, 1, 6, seed=1), unit(8, 6, seed=2)
    found = torch.zeros(3, 8, dtype=torch.bool)
    found[0, [1, 4]] = found[1, 7] = True
    logits = torch.cat([(v * own[:, 0]).sum(1, keepdim=True), v @ queue.T], dim=1) / 0.07
    target = torch.cat([torch.ones(3, 1), found.double()], dim=1)
    expected = F.cross_entropy(logits, target / target.sum(1, keepdim=True))
    loss = contrastive_loss(v, own, queue, 0.07, queue_positives_BK=found, separate=False)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("k", [6, "all"])
def test_kcl_with_a_queue_without_labels_is_infonce(k):
    torch.manual_seed(0)
    queue, v, own = LabelQueue(8, 6).double(), unit(4, 6, seed=0), unit(4, 1, 6, seed=1)
    found = choose_queue_positives(torch.arange(4), queue.labels, k, lots(4, k))
    loss = contrastive_loss(v, own, queue.keys, 0.07, queue_positives_BK=found, separate=False)
    logits = torch.cat([(v * own[:, 0]).sum(1, keepdim=True), v @ queue.keys.T], dim=1) / 0.07
    torch.testing.assert_close(loss, F.cross_entropy(logits, torch.zeros(4, dtype=torch.long)))


def test_positives_of_a_partly_filled_queue_are_keys_and_never_its_random_start():
    queue, labels = LabelQueue(8, 6), torch.tensor([0, 0])
    queue.enqueue(torch.ones(2, 6), labels)
    chosen = choose_queue_positives(labels, queue.labels, 6, lots(2, 6))
    assert chosen.tolist() == [[True] * 2 + [False] * 6] * 2


def test_one_temperature_is_that_temperature_for_every_anchor():
    v, p, queue = unit(4, 6, seed=0), unit(4, 3, 6, seed=1), unit(9, 6, seed=2)
    each = torch.full((4,), 0.07, dtype=torch.float64)
    one, many = (contrastive_loss(v, p, queue, tau, separate=True) for tau in (0.07, each))
    torch.testing.assert_close(one, many, rtol=1e-14, atol=0)


def test_temperature_of_an_anchor_scales_its_own_row_only():
    v, p, queue = unit(2, 6, seed=0), unit(2, 3, 6, seed=1), unit(9, 6, seed=2)
    rows = [
        contrastive_loss(v[i : i + 1], p[i : i + 1], queue, tau, separate=True)
        for i, tau in enumerate((0.1, 1.0))
    ]
    loss = contrastive_loss(v, p, queue, torch.tensor([0.1, 1.0]).double(), separate=True)
    torch.testing.assert_close(loss, torch.stack(rows).mean())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(tau=st.floats(0.05, 1), scale=st.floats(0.01, 10), separate=st.booleans())
def test_weights_of_one_temperature_are_a_factor_of_the_whole_loss(tau, scale, separate):
    v, p, queue = unit(4, 6, seed=0), unit(4, 3, 6, seed=1), unit(9, 6, seed=2)
    weights = torch.full((4,), tau / scale, dtype=torch.float64)
    plain = contrastive_loss(v, p, queue, tau, separate=separate)
    scaled = contrastive_loss(v, p, queue, tau, separate=separate, weights_B=weights)
    torch.testing.assert_close(scaled, plain * tau / scale)


def test_loss_times_tau_takes_the_temperature_out_of_the_size_of_the_gradient():
    """At first all probabilities are alike: the gradient goes by 1/tau, and times tau no more."""
    v, p, queue = unit(1, 64, seed=0), unit(1, 1, 64, seed=1), unit(4096, 64, seed=2)

    def size(tau: float, *, scaled: bool) -> float:
        query = v.clone().requires_grad_()
        weights = torch.tensor([tau]).double() if scaled else None
        loss = contrastive_loss(query, p, queue, tau, separate=True, weights_B=weights)
        loss.backward()
        return float(query.grad.norm())

    assert size(1.0, scaled=False) == pytest.approx(size(1.0, scaled=True))
    assert size(0.5, scaled=False) == pytest.approx(2 * size(1.0, scaled=False), rel=0.05)
    assert size(0.5, scaled=True) == pytest.approx(size(1.0, scaled=True), rel=0.05)


@pytest.mark.parametrize("separate", [True, False])
def test_networks_in_bfloat16_leave_the_loss_in_float32(separate):
    v, p, queue = (unit(*shape, seed=7).float() for shape in ((4, 64), (4, 3, 64), (9, 64)))
    expected = contrastive_loss(v, p, queue, 0.07, separate=separate)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(contrastive_loss(v, p, queue, 0.07, separate=separate), expected)


def test_kcl_floor_is_log_of_the_number_of_positives():
    """All positives tie at the anchor, the negatives vanish."""
    v = F.normalize(torch.ones(1, 4, dtype=torch.float64), dim=1)
    queue = torch.cat([v, v, -v, -v])
    found = torch.tensor([[True, True, False, False]])
    loss = contrastive_loss(v, v[:, None], queue, 0.01, queue_positives_BK=found, separate=False)
    assert float(loss) == pytest.approx(math.log(3))


def test_eq_1_floor_is_zero_however_many_positives():
    v = F.normalize(torch.ones(1, 4, dtype=torch.float64), dim=1)
    loss = contrastive_loss(v, v.expand(1, 5, 4), -v, 0.01, separate=True)
    assert float(loss) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("tau", [1e-3, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_give_finite_values_and_gradients(separate, tau, dtype):
    v = unit(2, 4, seed=0).to(dtype).requires_grad_()
    positives = torch.stack([-v.detach(), v.detach()], dim=1)
    queue = torch.cat([v.detach(), -v.detach()])
    found = torch.eye(4, dtype=torch.bool)[[0, 3]]
    masked = torch.eye(4, dtype=torch.bool)[[2, 3]]
    loss = contrastive_loss(
        v, positives, queue, tau, found, separate=separate, negative_mask_BK=masked
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(v.grad).all()


@pytest.mark.parametrize("separate", [True, False])
def test_no_negative_left_gives_a_finite_loss(separate):
    v, p = unit(2, 4, seed=0).requires_grad_(), unit(2, 3, 4, seed=1)
    for queue, mask in (
        (unit(5, 4, seed=2), torch.ones(2, 5, dtype=torch.bool)),
        (torch.zeros(0, 4, dtype=torch.float64), None),
    ):
        with torch.autograd.set_detect_anomaly(True):  # no NaN that a mask hides afterwards
            loss = contrastive_loss(v, p, queue, 0.07, separate=separate, negative_mask_BK=mask)
            loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(v.grad).all()
        if separate:
            assert float(loss.detach()) == 0


@pytest.mark.parametrize("separate", [True, False])
def test_one_anchor_without_a_negative_leaves_the_others_as_they_are(separate):
    v, p, queue = unit(2, 4, seed=0).requires_grad_(), unit(2, 3, 4, seed=1), unit(5, 4, seed=2)
    mask = torch.tensor([[True] * 5, [False] * 5])
    both = contrastive_loss(v, p, queue, 0.07, separate=separate, negative_mask_BK=mask)
    (gradient,) = torch.autograd.grad(both, v)
    for row in range(2):
        own = v[row : row + 1].detach().requires_grad_()
        alone = contrastive_loss(
            own, p[row : row + 1], queue, 0.07, separate=separate, negative_mask_BK=mask[[row]]
        )
        alone.backward()
        torch.testing.assert_close(gradient[row : row + 1], own.grad / 2)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), separate=st.booleans())
def test_order_of_queue_and_of_anchors_does_not_matter(seed, separate):
    v, p, queue = unit(5, 4, seed=seed), unit(5, 2, 4, seed=seed + 1), unit(7, 4, seed=seed + 2)
    draw = torch.Generator().manual_seed(seed)
    rows, columns = torch.randperm(5, generator=draw), torch.randperm(7, generator=draw)
    one = contrastive_loss(v, p, queue, 0.1, separate=separate)
    two = contrastive_loss(v[rows], p[rows], queue[columns], 0.1, separate=separate)
    torch.testing.assert_close(one, two)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    k=st.sampled_from(["all", "none"]) | st.integers(1, 6),
    queue=st.lists(st.integers(-1, 2), min_size=1, max_size=20),
    seed=st.integers(0, 1000),
)
def test_queue_positives_are_of_the_class_and_as_many_as_there_are(k, queue, seed):
    labels, queue_labels = torch.tensor([0, 1, 2]), torch.tensor(queue)
    drawn = lots(3, k, torch.Generator().manual_seed(seed))
    chosen = choose_queue_positives(labels, queue_labels, k, drawn)
    for label, row in zip(labels, chosen, strict=True):
        same = int((queue_labels == label).sum())
        assert (queue_labels[row] == label).all()
        limit = {"all": same, "none": 0}.get(k, k)
        assert int(row.sum()) == min(limit, same)


def test_entries_without_a_label_are_nobodys_positives():
    labels = torch.tensor([-1, 0])
    chosen = choose_queue_positives(labels, torch.tensor([-1, -1]), "all", lots(2, "all"))
    assert not chosen.any()


def test_queue_positives_are_drawn_uniformly():
    drawn = lots(4000, 3, torch.Generator().manual_seed(0))
    labels, queue_labels = torch.zeros(4000, dtype=torch.long), torch.zeros(8, dtype=torch.long)
    share = choose_queue_positives(labels, queue_labels, 3, drawn).double().mean(0)
    torch.testing.assert_close(share, torch.full((8,), 3 / 8).double(), atol=0.03, rtol=0)
