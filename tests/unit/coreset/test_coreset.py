"""GLISTER's factored greedy against gradients that are written out, and real steps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cogloat.coreset.controls import random_coreset
from cogloat.coreset.glister import coreset_budgets, gains, glister_select
from cogloat.data.longtail import class_counts


def last_layer(classes: int, features: int, seed: int) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(features, classes).double()


def gradient(layer: nn.Linear, features: torch.Tensor, labels: torch.Tensor, how: str):
    """Return autograd's gradient of the last layer, weights and bias in one vector."""
    loss = F.cross_entropy(layer(features), labels, reduction=how)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(layer.parameters()))])


def materialised(layer, features, labels, val_features, label, budget, eta):
    """Greedy with every gradient written out and the real layer stepped after each pick."""
    layer = last_layer_copy(layer)
    each = [gradient(layer, h[None], y[None], "sum") for h, y in zip(features, labels, strict=True)]
    val_labels = torch.full((len(val_features),), label)
    picks: list[int] = []
    for _ in range(budget):
        target = gradient(layer, val_features, val_labels, "mean")
        scores = [float(g @ target) if i not in picks else -1e9 for i, g in enumerate(each)]
        picks.append(int(torch.tensor(scores).argmax()))
        step = each[picks[-1]] * eta
        split = layer.weight.numel()
        with torch.no_grad():
            layer.weight -= step[:split].view_as(layer.weight)
            layer.bias -= step[split:]
    return picks


def last_layer_copy(layer: nn.Linear) -> nn.Linear:
    copy = nn.Linear(layer.in_features, layer.out_features).double()
    copy.load_state_dict(layer.state_dict())
    return copy


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), eta=st.floats(0.01, 0.5))
def test_selection_is_that_of_materialised_gradients_and_real_steps(seed, eta):
    torch.manual_seed(seed)
    layer, features = last_layer(3, 4, seed), torch.randn(15, 4, dtype=torch.float64)
    labels = torch.arange(15) % 3
    val_features, val_labels = torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 3
    with torch.no_grad():
        logits, val_logits = layer(features), layer(val_features)
    budgets = [4, 3, 2]
    chosen = glister_select(
        features, logits, labels, val_features, val_logits, val_labels, budgets, eta
    ).tolist()
    expected = []
    for label, budget in enumerate(budgets):
        own = torch.nonzero(labels == label).flatten()
        validation = val_features[val_labels == label]
        picks = materialised(layer, features[own], labels[own], validation, label, budget, eta)
        expected += own[picks].tolist()
    assert chosen == expected


def test_gains_equal_the_product_of_written_out_gradients():
    layer = last_layer(3, 4, 0)
    features, val_features = torch.randn(6, 4).double(), torch.randn(5, 4).double()
    ones = torch.ones(6, 1).double()
    errors = layer(features).softmax(1) - F.one_hot(torch.ones(6, dtype=torch.long), 3)
    val_errors = layer(val_features).softmax(1) - F.one_hot(torch.ones(5, dtype=torch.long), 3)
    factored = gains(
        torch.cat([features, ones], 1),
        errors.detach(),
        torch.cat([val_features, ones[:5]], 1),
        val_errors.detach(),
    )
    target = gradient(layer, val_features, torch.ones(5, dtype=torch.long), "mean")
    each = [gradient(layer, h[None], torch.ones(1, dtype=torch.long), "sum") for h in features]
    torch.testing.assert_close(factored, torch.stack([g @ target for g in each]))


@pytest.mark.parametrize(
    ("n_max", "classes", "totals"), [(5000, 10, (1244, 1402, 2047)), (500, 100, (1262, 1394, 2004))]
)
def test_budgets_add_up_to_ten_percent_with_a_floor_of_five(n_max, classes, totals):
    for factor, total in zip((100, 50, 10), totals, strict=True):
        counts = class_counts(n_max, classes, factor)
        budgets = coreset_budgets(counts, 0.1, 5)
        assert sum(budgets) == total
        assert all(min(n, 5) <= b <= n for n, b in zip(counts, budgets, strict=True))


def test_rounding_of_the_product_adds_no_image():
    assert math.ceil(0.07 * 100) == 8
    assert coreset_budgets([100, 101], 0.07, 1) == [7, 8]


def test_every_class_is_there_and_no_image_twice():
    torch.manual_seed(0)
    labels = torch.arange(4).repeat_interleave(torch.tensor([12, 6, 3, 1]))
    features, logits = torch.randn(22, 5), torch.randn(22, 4)
    budgets = coreset_budgets([12, 6, 3, 1], 0.3, 2)
    assert budgets == [4, 2, 2, 1]
    chosen = glister_select(features, logits, labels, features, logits, labels, budgets, 0.01)
    assert labels[chosen].tolist() == [0] * 4 + [1] * 2 + [2] * 2 + [3]
    assert len(set(chosen.tolist())) == len(chosen)
    whole = glister_select(features, logits, labels, features, logits, labels, [99] * 4, 0.01)
    assert sorted(whole.tolist()) == list(range(22))


@pytest.mark.parametrize(
    ("labels", "val_labels", "budgets"),
    [
        ([0, 0, 2], [0, 1, 2], [1, 1, 1]),
        ([0, 1, 2], [0, 0, 2], [1, 1, 1]),
        ([0, 1, 2], [0, 1, 2], [1, 0, 1]),
    ],
    ids=["candidates", "validation", "budget"],
)
def test_class_that_would_stay_empty_or_unjudged_is_named(labels, val_labels, budgets):
    features, logits = torch.randn(3, 5), torch.randn(3, 3)
    labels, val_labels = torch.tensor(labels), torch.tensor(val_labels)
    with pytest.raises(ValueError, match=r"validation image: \[1\]"):
        glister_select(features, logits, labels, features, logits, val_labels, budgets, 0.01)


def test_confident_proxy_with_huge_scores_still_fills_every_class():
    labels = torch.arange(3).repeat(4)
    features, logits = torch.randn(12, 5), 1e4 * F.one_hot(labels, 3).float()
    chosen = glister_select(features, logits, labels, features, logits, labels, [2] * 3, 0.01)
    assert labels[chosen].tolist() == [0, 0, 1, 1, 2, 2]
    assert len(set(chosen.tolist())) == 6


def test_one_class_alone_is_selected_from():
    labels, features = torch.zeros(4, dtype=torch.long), torch.randn(4, 5)
    logits = torch.randn(4, 1)
    chosen = glister_select(features, logits, labels, features, logits, labels, [3], 0.01)
    assert len(set(chosen.tolist())) == 3


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000))
def test_selection_does_not_depend_on_the_order_of_the_images(seed):
    torch.manual_seed(seed)
    labels, order = torch.arange(12) % 3, torch.randperm(12)
    features, logits = torch.randn(12, 5).double(), torch.randn(12, 3).double()
    budgets = [2, 3, 1]
    one = glister_select(features, logits, labels, features, logits, labels, budgets, 0.05)
    h, z, y = features[order], logits[order], labels[order]
    two = glister_select(h, z, y, h, z, y, budgets, 0.05)
    assert order[two].tolist() == one.tolist()


def test_random_control_keeps_budgets_and_depends_on_its_seed_only():
    labels = torch.arange(3).repeat(10)
    one, two, three = (
        random_coreset(labels, [4, 2, 10], torch.Generator().manual_seed(s)) for s in (0, 0, 1)
    )
    assert torch.bincount(labels[one]).tolist() == [4, 2, 10]
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
