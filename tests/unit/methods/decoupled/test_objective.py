"""cRT and LWS seen from outside: what they start from, what learns, and what is left."""

import pytest
import torch
from miniature import BACKBONE, DEEPER, build, configured, image_set, save_weights
from torch.nn import functional as F

from cogloat.errors import UserError
from cogloat.models.networks import Classifier

COUNTS = [12, 6, 4]
IMAGES, BATCH = image_set(COUNTS), 8


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(1)
    network = Classifier(BACKBONE, len(COUNTS), "linear")
    for name, value in network.named_buffers():  # as after a training
        if "running" in name:
            value.uniform_(0.5, 1.5)
    return network, save_weights(tmp_path / "start.pt", network)


def decoupled(method, path, **changes):
    config = configured(method, "train", len(COUNTS), **({"batch_size": BATCH} | changes))
    return build(config, IMAGES, test=IMAGES, start=path)


def learn(objective, steps=3):
    """Take plain steps down the gradient."""
    for step, positions in enumerate(objective.order(0).split(BATCH)[:steps]):
        objective.zero_grad()
        objective.loss(positions, 0, step)["loss"].backward()
        for weight in objective.parameters():
            if weight.requires_grad:
                weight.data -= 0.5 * weight.grad


@pytest.mark.parametrize(
    ("method", "learning"),
    [
        ("lws", ["classifier.head.scale"]),
        ("crt", ["classifier.head.weight", "classifier.head.bias"]),
    ],
)
def test_only_the_factors_or_the_classifier_learn(method, learning, start):
    objective = decoupled(method, start[1])
    named = dict(objective.named_parameters())
    assert [name for name, weight in named.items() if weight.requires_grad] == learning
    before = {name: weight.detach().clone() for name, weight in named.items()}
    learn(objective)
    moved = [name for name, weight in named.items() if not torch.equal(weight, before[name])]
    assert moved == learning


def test_lws_begins_with_the_scores_of_the_run_that_it_starts_from(start):
    network, path = start
    objective = decoupled("lws", path)
    images = torch.randn(5, 3, 8, 8)
    assert torch.equal(objective.classifier.eval()(images), network.eval()(images))


def test_lws_multiplies_each_score_with_its_factor(start):
    """z_c = s_c (w_c h + b_c), with its gradient, in float64."""
    network, path = start
    head = decoupled("lws", path).classifier.head.double()
    head.scale.data.copy_(torch.tensor([0.5, 1.5, -2.0]))
    features = torch.randn(7, 64, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    scale = head.scale.detach().clone().requires_grad_()
    plain = features @ network.head.weight.double().T + network.head.bias.double()
    expected = F.cross_entropy(scale * plain.detach(), labels)
    loss = F.cross_entropy(head(features), labels)
    torch.testing.assert_close(loss, expected)
    ours, theirs = torch.autograd.grad(loss, head.scale), torch.autograd.grad(expected, scale)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("method", ["lws", "crt"])
def test_what_is_left_is_a_linear_classifier_of_the_same_scores(method, start):
    objective = decoupled(method, start[1])
    learn(objective)
    left = Classifier(BACKBONE, len(COUNTS), "linear")
    left.load_state_dict(objective.weights())
    images = torch.randn(5, 3, 8, 8)
    assert torch.equal(left.eval()(images), objective.classifier.eval()(images))
    assert not torch.equal(left(images), start[0].eval()(images))


@pytest.mark.parametrize(("batch_norm", "moves"), [("adapts", True), ("frozen", False)])
def test_statistics_go_on_or_stay(batch_norm, moves, start):
    network, path = start
    objective = decoupled("crt", path, batch_norm=batch_norm)
    learn(objective)
    after = objective.classifier.backbone.state_dict()
    before = network.backbone.state_dict()
    running = [name for name in before if "running" in name]
    assert {torch.equal(before[name], after[name]) for name in running} == {not moves}
    assert objective.classifier.backbone.norm.training is moves


def test_a_new_classifier_begins_as_pytorchs_layers_do(start):
    network, path = start
    head = decoupled("crt", path).classifier.head
    assert not torch.equal(head.weight, network.head.weight)
    assert float(head.weight.detach().abs().max()) <= 1 / 8


def test_weights_of_another_network_are_named(tmp_path):
    other = save_weights(tmp_path / "other.pt", Classifier(DEEPER, len(COUNTS), "linear"))
    with pytest.raises(UserError, match=r"other\.pt: these weights are of another network"):
        decoupled("crt", other)
