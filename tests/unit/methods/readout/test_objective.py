"""Classifiers that are computed: against the formulas, and which power is chosen by what."""

import pytest
import torch
from miniature import BACKBONE, CPU, configured, image_set, save_weights

from cogloat.bench.pretended import Device
from cogloat.data.imageset import ImageSet
from cogloat.methods import rooms
from cogloat.methods.inputs import Inputs
from cogloat.methods.readout.objective import nearest_mean, tau_normalised
from cogloat.methods.supervised import accuracy
from cogloat.models.inference import outputs
from cogloat.models.networks import Classifier

COUNTS = [12, 6, 4]
IMAGES, OTHERS, THIRD = image_set(COUNTS), image_set([40, 40, 40]), image_set([9, 30, 20])


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(1)
    network = Classifier(BACKBONE, len(COUNTS), "linear")
    for name, value in network.named_buffers():
        if "running" in name:
            value.uniform_(0.5, 1.5)
    network.head.weight.data *= torch.tensor([[5.0], [1.0], [0.2]])
    return network.eval(), save_weights(tmp_path / "start.pt", network)


def computed(method, path, validation=None, device=CPU):
    config = configured(method, "train", len(COUNTS))
    training, test = (
        ImageSet(own.images_NCHW.to(device), own.labels_N.to(device), own.counts_C.to(device))
        for own in (IMAGES, OTHERS)
    )
    given = {"test": test, "validation": validation, "files": {"start": path}}
    inputs = Inputs(config.data, config.backbone, training, device, 0, **given)
    return config, rooms.compute(config.settings, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["tau_norm", "ncm"])
def test_another_device_computes_the_same(method, start):
    _, path = start
    _, here = computed(method, path)
    with Device() as there:
        _, found = computed(method, path, device=there.device)
        assert found.row == here.row
        for name, value in found.weights.items():
            torch.testing.assert_close(value.cpu(), here.weights[name], msg=name)


def test_tau_zero_is_the_run_without_its_bias(start):
    network, _ = start
    features = torch.randn(20, 64)
    made = tau_normalised(network.head, 0.0)
    torch.testing.assert_close(made(features), features @ network.head.weight.T)


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.0])
def test_a_power_of_the_norm_divides_each_class_vector(tau, start):
    network, _ = start
    made = tau_normalised(network.head.double(), tau)
    for own, given in zip(made.weight, network.head.weight, strict=True):
        expected = given / given.square().sum().item() ** (tau / 2)
        torch.testing.assert_close(own, expected.float())
    assert not made.bias.any()


@pytest.mark.parametrize(("validation", "judge"), [(THIRD, "validation"), (None, "test")])
def test_the_power_is_the_best_on_the_images_that_judge(validation, judge, start):
    """The lowest of them, where several are."""
    network, path = start
    config, found = computed("tau_norm", path, validation)
    images = OTHERS if validation is None else validation
    features = outputs(network.backbone, images, config.data)
    taus = config.settings.classifier.taus
    reached = {
        tau: float(accuracy(tau_normalised(network.head, tau)(features), images.labels_N))
        for tau in taus
    }
    best = next(tau for tau in taus if reached[tau] == max(reached.values()))
    assert found.row["tau"] == best
    assert found.row[f"{judge}_accuracy"] == reached[best]
    assert len(set(reached.values())) > 1


def test_nearest_means_are_those_of_centred_unit_features():
    draw = torch.Generator().manual_seed(3)
    features = torch.randn(30, 5, generator=draw, dtype=torch.float64) + 2
    labels = torch.arange(30) % 4
    made = nearest_mean(features, labels, 4).double()
    centre = sum(features) / 30
    unit = [(own - centre) / (own - centre).norm() for own in features]
    means = [sum(unit[n] for n in range(30) if n % 4 == c) / len(range(c, 30, 4)) for c in range(4)]
    new = torch.randn(9, 5, generator=draw, dtype=torch.float64) + 2
    for own, scores in zip(new, made(new), strict=True):
        one = (own - centre) / (own - centre).norm()
        distances = torch.stack([(one - mean).square().sum() for mean in means])
        torch.testing.assert_close(scores, 1 - distances, rtol=1e-5, atol=1e-5)
    assert any(float(mean.norm()) < 0.9 for mean in means)  # not normalised again


@pytest.mark.parametrize(("method", "head"), [("tau_norm", "linear"), ("ncm", "nearest_mean")])
def test_what_is_left_gives_the_accuracies_that_are_told(method, head, start):
    config, found = computed(method, start[1], THIRD)
    left = Classifier(BACKBONE, len(COUNTS), head)
    left.load_state_dict(found.weights)
    for name, images in (("test", OTHERS), ("validation", THIRD)):
        scores = outputs(left, images, config.data)
        assert found.row[f"{name}_accuracy"] == float(accuracy(scores, images.labels_N))
    assert config.settings.head_kind == head
