"""OLTR's second stage: its parts against formulas in float64, and where it begins."""

import pytest
import torch
from formulas import unit
from miniature import BACKBONE, build, configured, image_set, save_weights, without_augmentation
from torch.nn import functional as F

from cogloat.methods.oltr.loss import attraction, repulsion
from cogloat.methods.settings import Optimizer
from cogloat.models.inference import outputs
from cogloat.models.memory import MemoryClassifier, ModulatedAttention
from cogloat.models.networks import Classifier
from cogloat.training.sgd import Sgd

COUNTS = [12, 6, 4]
IMAGES, BATCH = image_set(COUNTS), 8


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(1)
    network = Classifier(BACKBONE, len(COUNTS), "linear")
    return network, save_weights(tmp_path / "start.pt", network)


def oltr(path, **changes):
    config = configured("oltr", "train", len(COUNTS), **({"batch_size": BATCH} | changes))
    return build(without_augmentation(config), IMAGES, test=IMAGES, start=path)


# --- attention ---


def test_attention_adds_nothing_at_first():
    torch.manual_seed(0)
    maps = torch.randn(2, 6, 3, 3)
    assert torch.equal(ModulatedAttention(6, 9)(maps), maps)


def test_attention_begins_with_kaimings_weights_and_without_a_bias():
    torch.manual_seed(0)
    attention = ModulatedAttention(512, 4)
    for layer in (attention.theta, attention.phi, attention.g):
        assert layer.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.02)
        assert not layer.bias.any()
    assert attention.back.bias is None


def test_attention_is_that_of_the_formula():
    torch.manual_seed(0)
    layer = ModulatedAttention(4, 6).double()
    torch.nn.init.normal_(layer.back.weight)
    maps = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    expected = []
    for image in maps:
        places = image.flatten(1).T  # 6 places of 4 features
        theta, phi, g = (
            places @ own.weight[:, :, 0, 0].T + own.bias
            for own in (layer.theta, layer.phi, layer.g)
        )
        rows = []
        for place in range(6):
            logits = torch.stack([theta[place] @ phi[other] for other in range(6)])
            shares = logits.exp() / logits.exp().sum()
            rows.append(sum(shares[other] * g[other] for other in range(6)))
        mixed = torch.stack(rows) @ layer.back.weight[:, :, 0, 0].T
        logits = layer.weigh.weight @ image.flatten() + layer.weigh.bias
        weights = logits.exp() / logits.exp().sum()
        expected.append((places + weights[:, None] * mixed).T.reshape(4, 2, 3))
    found = layer(maps)
    torch.testing.assert_close(found, torch.stack(expected))
    draw = unit(2, 4, 2, 3, seed=0)
    ours = torch.autograd.grad((found * draw).sum(), maps, retain_graph=True)
    theirs = torch.autograd.grad((torch.stack(expected) * draw).sum(), maps)
    torch.testing.assert_close(ours, theirs)


# --- the classifier with a memory ---


def test_scores_are_those_of_the_formula_and_the_memory_has_no_gradient():
    torch.manual_seed(0)
    head = MemoryClassifier(5, 3).double()
    head.memory.data.normal_()
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    expected = []
    for own in x:
        share = (head.recall.weight @ own + head.recall.bias).exp()
        share = share / share.sum()
        recalled = sum(share[c] * head.memory[c].detach() for c in range(3))
        chosen = torch.tanh(head.select.weight @ own + head.select.bias)
        nearest = min((own - point).norm() for point in head.memory.detach())
        u = 10 / nearest * (own + chosen * recalled)
        length = u.square().sum().sqrt()
        cosines = torch.stack([u @ w / length / w.norm() for w in head.weight])
        expected.append(16 * length / (1 + length) * cosines)
    scores, expected = head(x), torch.stack(expected)
    torch.testing.assert_close(scores, expected, rtol=1e-6, atol=1e-6)
    labels = torch.tensor([0, 1, 2, 0])
    weights = [x, head.weight, head.select.weight, head.recall.bias]
    ours = torch.autograd.grad(F.cross_entropy(scores, labels), weights)
    theirs = torch.autograd.grad(F.cross_entropy(expected, labels), weights)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    F.cross_entropy(head(x), labels).backward()
    assert head.memory.grad is None


def test_a_feature_at_its_classs_point_has_finite_scores():
    head = MemoryClassifier(5, 3)
    head.memory.data.normal_()
    assert head(head.memory.detach()).isfinite().all()


# --- the terms with the memory ---

FEATURES = [[1.0, 0.0], [3.0, 2.0], [0.0, 1.0]]
MEMORY = [[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]]
LABELS = [0, 0, 1]


def tensors():
    own = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (FEATURES, MEMORY))
    return *own, torch.tensor(LABELS)


@pytest.mark.parametrize("weight", [1.0, 0.01])
def test_attraction_and_its_gradients_by_hand(weight):
    """Of three images; class 0 has two, class 1 has one, class 2 none."""
    features, memory, labels = tensors()
    loss = attraction(features, memory, labels)
    assert loss.item() == pytest.approx((1 + 13 + 1) / 2 / 3)
    (weight * loss).backward()
    torch.testing.assert_close(
        features.grad, weight / 3 * torch.tensor([[1, 0], [3, 2], [-1, 0]], dtype=torch.float64)
    )
    # (0 - (1, 0)) + (0 - (3, 2)) over 1 + 2, and (1, 1) - (0, 1) over 1 + 1; all over the batch
    rule = torch.tensor([[-4 / 3, -2 / 3], [1 / 2, 0], [0, 0]], dtype=torch.float64) / 3
    torch.testing.assert_close(memory.grad, rule)


@pytest.mark.parametrize("margin", [100.0, 1.0])
def test_repulsion_and_its_gradient_are_those_of_the_formula(margin):
    features, memory, labels = tensors()
    total = sum(
        (features[n] - memory[c]).square().sum()
        for n in range(3)
        for c in range(3)
        if c != LABELS[n]
    )
    expected = (margin - total / 9).clamp(min=0)
    loss = repulsion(features, memory, labels, margin)
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(loss, [features, memory])
    theirs = torch.autograd.grad(expected, [features, memory])
    torch.testing.assert_close(ours, theirs)
    assert (loss.item() == 0) == (margin == 1.0)


# --- the stage ---


def test_it_begins_at_the_first_stage_and_at_the_classes_means(start):
    network, path = start
    objective = oltr(path)
    objective.start_epoch(0)
    assert objective.training
    assert objective.classifier.backbone.backbone.norm.training
    own, head = objective.classifier.backbone, objective.classifier.head
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(own.backbone.state_dict()[name], value)
    assert torch.equal(head.recall.weight, network.head.weight)
    features = outputs(own, IMAGES, objective._data)
    for label, point in enumerate(head.memory):
        mean = features[IMAGES.labels_N == label].mean(dim=0)
        torch.testing.assert_close(point.detach(), mean)
    moved = head.memory.detach() + 1
    head.memory.data.copy_(moved)
    objective.start_epoch(1)
    assert torch.equal(head.memory.detach(), moved)


def test_the_loss_has_its_terms_by_their_weights(start):
    objective = oltr(start[1], memory_weight=0.25, repel_weight=0.5)
    objective.start_epoch(0)
    found = objective.loss(torch.arange(6), 0, 0)
    expected = found["class_loss"] + 0.25 * (found["attraction"] + 0.5 * found["repulsion"])
    torch.testing.assert_close(found["loss"], expected)
    found["loss"].backward()
    assert all(weight.grad is not None for weight in objective.parameters())


def test_features_and_memory_learn_at_rates_of_their_own(start):
    objective = oltr(start[1], features_rate=0.5, memory_rate=0.25)
    optimizer = Sgd(objective.parameters(), Optimizer(lr=0.1, momentum=0.0, weight_decay=0.0))
    before = {name: weight.detach().clone() for name, weight in objective.named_parameters()}
    for weight in objective.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    for name, weight in objective.named_parameters():
        factor = 0.5 if ".backbone." in name else 0.25 if name.endswith("memory") else 1.0
        torch.testing.assert_close(
            before[name] - weight.detach(), torch.full_like(weight, factor / 10)
        )


def test_what_is_left_is_a_network_of_the_same_scores(start):
    objective = oltr(start[1])
    objective.start_epoch(0)
    left = Classifier(BACKBONE, len(COUNTS), "memory", image_size=8)
    left.load_state_dict(objective.weights())
    images = torch.randn(5, 3, 8, 8)
    torch.testing.assert_close(left.eval()(images), objective.classifier.eval()(images))
