"""The closed form of the gradient against autograd, in float64, as a whole and part by part."""

import copy
from collections.abc import Sequence

import formulas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import numbered
from pair import BATCH, Pair
from torch import Tensor

from cogloat.methods.moco.gradient import contrastive_gradient
from cogloat.methods.moco.loss import contrastive_loss
from cogloat.methods.moco.settings import AdaptiveTemperature, ConstantTemperature, Positives


def drawn(seed: int, positives: int, queue: int, classes: int = 3) -> dict:
    """Return four anchors with temperatures of their own, and what they are compared with."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (4,), generator=draw)
    queue_labels = torch.randint(-1, classes, (queue,), generator=draw)
    same = labels[:, None] == queue_labels
    lots = torch.rand(4, queue, generator=draw)
    masked = lots < 0.2
    return {
        "query_BD": formulas.unit(4, 5, seed=seed),
        "positives_BPD": formulas.unit(4, positives, 5, seed=seed + 1),
        "negatives_KD": formulas.unit(queue, 5, seed=seed + 2),
        "temperature": 0.05 + torch.rand(4, generator=draw, dtype=torch.float64),
        "queue_positives_BK": same & (lots > 0.5),
        "negative_mask_BK": masked,
        "same_class_BK": same,
        "weights_B": 0.5 + torch.rand(4, generator=draw, dtype=torch.float64),
    }


def parts_by_autograd(made: dict, *, separate: bool) -> list[Tensor]:
    """Return the three parts: of each anchor's loss, with a query of its own for each part."""
    rows: list[list[Tensor]] = [[], [], []]
    for i in range(len(made["query_BD"])):
        queries = [made["query_BD"][i].clone().requires_grad_() for _ in range(3)]
        kinds = [
            0 if found else 1 if same else 2
            for found, same in zip(
                made["queue_positives_BK"][i], made["same_class_BK"][i], strict=True
            )
        ]
        loss = one_anchor(queries, kinds, made, i, separate=separate)
        for row, part in zip(
            rows, torch.autograd.grad(loss, queries, allow_unused=True), strict=True
        ):
            own = torch.zeros_like(made["query_BD"][i]) if part is None else part
            row.append(made["temperature"][i] * own)
    return [torch.stack(row) for row in rows]


def one_anchor(
    queries: list[Tensor], kinds: Sequence[int], made: dict, i: int, *, separate: bool
) -> Tensor:
    """Eq. 1 or KCL's loss of one anchor; `kinds` say which query a queue entry meets."""
    tau, masked = made["temperature"][i], made["negative_mask_BK"][i]
    e_out = [torch.exp(queries[0] @ p / tau) for p in made["positives_BPD"][i]]
    e_queue = [
        torch.exp(queries[kind] @ a / tau)
        for kind, a in zip(kinds, made["negatives_KD"], strict=True)
    ]
    rest = sum(
        (e for e, hidden in zip(e_queue, masked, strict=True) if not hidden), torch.zeros(())
    )
    shared = e_out[0] + rest if separate else sum(e_out) + rest
    terms = [torch.log(e / ((e + rest) if separate else shared)) for e in e_out]
    terms += [torch.log(e / shared) for e, kind in zip(e_queue, kinds, strict=True) if kind == 0]
    return -sum(terms) / len(terms)


CASES = {
    "seed": st.integers(0, 10_000),
    "positives": st.integers(1, 4),
    "queue": st.integers(1, 8),
    "separate": st.booleans(),
}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(**CASES)
def test_gradient_is_that_of_the_loss(seed, positives, queue, separate):
    made = drawn(seed, positives, queue)
    same = made.pop("same_class_BK")
    query = made["query_BD"].requires_grad_()
    loss = contrastive_loss(**made, separate=separate)
    (expected,) = torch.autograd.grad(len(query) * loss, query)
    found = contrastive_gradient(**made, same_class_BK=same, separate=separate).total
    torch.testing.assert_close(found.detach(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(**CASES)
def test_each_part_is_that_of_the_formula_in_the_entries_that_it_is_along(
    seed, positives, queue, separate
):
    made = drawn(seed, positives, queue)
    found = contrastive_gradient(**made, separate=separate)
    expected = parts_by_autograd(made, separate=separate)
    for own, part in zip(found[:3], expected, strict=True):
        torch.testing.assert_close(own, part, rtol=1e-6, atol=1e-6)


def test_weights_of_the_losses_divide_the_temperature():
    made = drawn(1, 2, 5)
    gradient = contrastive_gradient(**made, separate=True)
    torch.testing.assert_close(gradient.temperature_B, made["temperature"] / made["weights_B"])
    plain = contrastive_gradient(**made | {"weights_B": None}, separate=True)
    for own, other in zip(gradient[:3], plain[:3], strict=True):
        assert torch.equal(own, other)
    torch.testing.assert_close(gradient.total, made["weights_B"][:, None] * plain.total)


def test_with_one_denominator_the_parts_are_those_of_the_paper():
    """Eq. 3 and 4, whose positives are all in one denominator."""
    made = drawn(0, 2, 6) | {"negative_mask_BK": torch.zeros(4, 6, dtype=torch.bool)}
    gradient = contrastive_gradient(**made, separate=False)
    for i, z in enumerate(made["query_BD"]):
        found = made["queue_positives_BK"][i]
        positives = torch.cat([made["positives_BPD"][i], made["negatives_KD"][found]])
        negatives = made["negatives_KD"][~found]
        everything = torch.cat([positives, negatives])
        share = torch.exp(everything @ z / made["temperature"][i])
        share = share / share.sum()
        of_positives = share[: len(positives), None] - 1 / len(positives)
        torch.testing.assert_close(gradient.positive[i], (positives * of_positives).sum(0))
        of_negatives = share[len(positives) :, None]
        torch.testing.assert_close(gradient.negative[i], (negatives * of_negatives).sum(0))


def test_an_anchor_that_sees_nothing_else_is_not_drawn_to_a_single_positive():
    made = drawn(0, 1, 3) | {"negative_mask_BK": torch.ones(4, 3, dtype=torch.bool)}
    made["queue_positives_BK"] = torch.zeros(4, 3, dtype=torch.bool)
    for separate in (True, False):
        gradient = contrastive_gradient(**made, separate=separate)
        torch.testing.assert_close(gradient.total, torch.zeros(4, 5, dtype=torch.float64))


WARM = ConstantTemperature(kind="constant", value=0.6)
ADAPTIVE = AdaptiveTemperature(kind="adaptive", gamma=0.4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("kcl", {"temperature": WARM, "positives": Positives(from_dataset=0, from_queue=2)}),
        ("kcl_adaptive", {"temperature": ADAPTIVE}),
        ("cogloat", {"temperature": ADAPTIVE}),
        ("cogloat_supervised", {"temperature": WARM}),
        ("cogloat", {"temperature": ADAPTIVE, "negatives": "batch"}),
        ("cogloat_k_positive", {"temperature": WARM, "negatives": "both", "joint_views": False}),
    ],
)
def test_objectives_gradient_is_that_of_its_step(method, changes):
    """In every step, of the anchors' first view; and the queue moves on as in training."""
    images = numbered([13, 6, 5])
    measured = Pair(method, images, **changes).objective
    trained = copy.deepcopy(measured)
    for epoch in range(2):
        for step, positions in enumerate(trained.order(epoch).split(BATCH)):
            gradient = measured.gradient(positions, epoch, step)
            trained.query.zero_grad()
            trained.query.given.clear()
            trained.loss(positions, epoch, step)["loss"].backward()
            flipped = torch.tensor(trained.query.given[0].flipped).long()
            expected = BATCH * trained.query.table.grad[flipped, positions]
            torch.testing.assert_close(gradient.total, expected, rtol=1e-4, atol=1e-5)
            assert torch.equal(measured.queue.keys, trained.queue.keys)
            assert torch.equal(measured.queue.labels, trained.queue.labels)


def test_objective_tells_negatives_of_the_anchors_class_from_others():
    """With all of the queue's images in one class, there are no true negatives in the queue."""
    images = numbered([20])
    for negatives in ("queue", "batch", "both"):
        objective = Pair("cogloat", images, negatives=negatives, temperature=WARM).objective
        for step in range(4):  # the queue is full after three
            gradient = objective.gradient(torch.arange(4) + 4 * step, 0, step)
        assert gradient.true_negative.abs().max() == 0
        assert gradient.false_negative.norm(dim=1).min() > 0
