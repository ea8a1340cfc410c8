import math

import formulas
import pytest
import torch
from formulas import unit
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.methods.proco.loss import class_prototypes, prototype_loss


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    views=st.sampled_from([1, 2]),
    batch=st.integers(1, 5),
    classes=st.integers(1, 4),
    tau=st.floats(0.05, 1),
    seed=st.integers(0, 1000),
)
def test_value_and_gradient_are_those_of_the_formula(views, batch, classes, tau, seed):
    labels = torch.randint(classes, (batch,), generator=torch.Generator().manual_seed(seed))
    prototypes = unit(2, classes, 6, seed=seed + 1)
    one = unit(views, batch, 6, seed=seed).requires_grad_()
    two = one.detach().clone().requires_grad_()
    loss = prototype_loss(one, prototypes, labels, tau)
    expected = formulas.proco(two, prototypes, labels.tolist(), tau)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, two.grad)


def test_gradient_is_that_of_finite_differences():
    labels = torch.tensor([0, 2, 2])
    inputs = unit(2, 3, 4, seed=0).requires_grad_(), unit(2, 3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, c: prototype_loss(v, c, labels, 0.2), inputs)


def test_networks_in_bfloat16_leave_the_loss_in_float32():
    views, prototypes = unit(2, 5, 64, seed=0).float(), unit(2, 3, 64, seed=1).float()
    expected = prototype_loss(views, prototypes, torch.arange(5) % 3, 0.07)
    with torch.autocast("cpu", torch.bfloat16):
        loss = prototype_loss(views, prototypes, torch.arange(5) % 3, 0.07)
    assert torch.equal(loss, expected)


def test_one_class_has_nothing_to_learn():
    views = unit(2, 3, 4, seed=0).requires_grad_()
    loss = prototype_loss(views, unit(2, 1, 4, seed=1), torch.zeros(3, dtype=torch.long), 0.07)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not views.grad.any()


def test_identical_prototypes_give_log_of_the_classes():
    prototypes = unit(1, 1, 6, seed=0).expand(2, 7, 6)
    loss = prototype_loss(unit(2, 5, 6, seed=1), prototypes, torch.arange(5), 0.07)
    assert float(loss) == pytest.approx(math.log(7))


def test_swapping_views_of_queries_or_of_the_coreset_changes_nothing():
    views, prototypes, labels = unit(2, 5, 6, seed=0), unit(2, 3, 6, seed=1), torch.arange(5) % 3
    loss = prototype_loss(views, prototypes, labels, 0.07)
    torch.testing.assert_close(prototype_loss(views.flip(0), prototypes, labels, 0.07), loss)
    torch.testing.assert_close(prototype_loss(views, prototypes.flip(0), labels, 0.07), loss)


def test_extreme_logits_stay_finite():
    views = unit(2, 3, 4, seed=0).float().requires_grad_()
    loss = prototype_loss(views, unit(2, 5, 4, seed=1).float(), torch.arange(3), 1e-3)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(views.grad).all()


def test_prototypes_are_normalised_means_of_each_class():
    embeddings, labels = unit(9, 4, seed=0), torch.tensor([2, 0, 1, 2, 2, 0, 1, 2, 0])
    prototypes = class_prototypes(embeddings, labels, 3)
    for label in range(3):
        mean = sum(e for e, y in zip(embeddings, labels, strict=True) if y == label)
        torch.testing.assert_close(prototypes[label], mean / mean.norm())


def test_prototype_of_a_class_with_one_image_is_that_image():
    embeddings = unit(3, 4, seed=0)
    prototypes = class_prototypes(embeddings, torch.tensor([1, 0, 2]), 3)
    torch.testing.assert_close(prototypes, embeddings[[1, 0, 2]])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=12).map(lambda rest: [0, 1, 2, *rest]),
    seed=st.integers(0, 1000),
)
def test_prototypes_are_unit_vectors_whatever_the_order_of_the_coreset(labels, seed):
    embeddings, labels = unit(len(labels), 5, seed=seed), torch.tensor(labels)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    prototypes = class_prototypes(embeddings, labels, 3)
    torch.testing.assert_close(prototypes.norm(dim=1), torch.ones(3).double())
    torch.testing.assert_close(class_prototypes(embeddings[order], labels[order], 3), prototypes)


def test_class_without_an_image_is_named():
    with pytest.raises(ValueError, match=r"no prototype: \[1, 3\]"):
        class_prototypes(unit(3, 4, seed=0), torch.tensor([0, 2, 2]), 4)
