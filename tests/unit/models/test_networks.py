import pytest
import torch
from miniature import BACKBONE, DEEPER
from torch import nn
from torch.nn import functional as F

from cogloat.models.heads import CosineClassifier, ProjectionHead, make_classifier
from cogloat.models.momentum import LabelQueue, momentum_update
from cogloat.models.networks import Classifier, Encoder, build_encoder, to_device
from cogloat.models.normalisation import BatchNorm, SplitBatchNorm, grouped
from cogloat.models.resnet import CifarResNet


def parameter_count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize(("classes", "total"), [(10, 464_154), (100, 470_004)])
def test_resnet_32_has_the_published_number_of_parameters(classes, total):
    backbone = CifarResNet(32)
    assert parameter_count(backbone) == 463_504
    linear = make_classifier("linear", backbone.feature_dim, classes)
    assert parameter_count(backbone) + parameter_count(linear) == total


@pytest.mark.parametrize(
    ("hidden", "outputs", "norm", "total"),
    [(64, 128, None, 12_480), (512, 128, BatchNorm, 99_968), (64, 32, BatchNorm, 6_368)],
    ids=["TSC", "BCL", "PaCo"],
)
def test_projection_has_the_published_number_of_parameters(hidden, outputs, norm, total):
    assert parameter_count(ProjectionHead(64, hidden, outputs, norm)) == total


@pytest.mark.slow
def test_resnet_32_has_31_convolutions_at_the_sizes_of_the_paper():
    sizes = []
    backbone = CifarResNet(32)
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, __, out: sizes.append(tuple(out.shape[1:])))
    assert backbone(torch.zeros(2, 3, 32, 32)).shape == (2, 64)
    expected = [(16, 32, 32)] * 11 + [(32, 16, 16)] * 10 + [(64, 8, 8)] * 10
    assert sizes == expected


def forward_by_hand(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """ResNet-8 in training mode from its weights: normalise by batch moments, option A shortcut."""

    def normalise(x: torch.Tensor, name: str) -> torch.Tensor:
        centred = x - x.mean(dim=(0, 2, 3), keepdim=True)
        unit = centred / (centred.square().mean(dim=(0, 2, 3), keepdim=True) + 1e-5).sqrt()
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return unit * scale[:, None, None] + shift[:, None, None]

    x = normalise(F.conv2d(x, weights["conv.weight"], padding=1), "norm").clamp(min=0)
    for block in range(3):
        name, stride = f"blocks.{block}", 1 if block == 0 else 2
        out = F.conv2d(x, weights[f"{name}.conv1.weight"], stride=stride, padding=1)
        out = normalise(out, f"{name}.norm1").clamp(min=0)
        out = normalise(F.conv2d(out, weights[f"{name}.conv2.weight"], padding=1), f"{name}.norm2")
        shortcut = torch.zeros_like(out)
        side = (out.shape[1] - x.shape[1]) // 2
        shortcut[:, side : side + x.shape[1]] = x[:, :, ::stride, ::stride]
        x = (out + shortcut).clamp(min=0)
    return x.flatten(2).sum(dim=2) / x[0, 0].numel()


def test_value_and_gradient_are_those_of_the_layers_written_out():
    torch.manual_seed(0)
    backbone = CifarResNet(8).double()
    for name, weight in backbone.named_parameters():
        if "norm" in name:
            nn.init.normal_(weight, 0.5)
    x = torch.randn(3, 3, 8, 8, dtype=torch.float64)
    weights = {n: w.detach().clone().requires_grad_() for n, w in backbone.named_parameters()}
    features, expected = backbone(x), forward_by_hand(weights, x)
    torch.testing.assert_close(features, expected)
    features.square().sum().backward()
    expected.square().sum().backward()
    for name, weight in backbone.named_parameters():
        torch.testing.assert_close(weight.grad, weights[name].grad)


INITS = ("kaiming", "torch")


def kaiming(weight: torch.Tensor) -> torch.Tensor:
    """Return normal values of variance 2 / fan-in."""
    return torch.empty_like(weight).normal_(0, (2 / weight[0].numel()) ** 0.5)


def uniform(values: torch.Tensor, fan_in: int) -> torch.Tensor:
    """Return PyTorch's own: uniform within 1 / sqrt(fan-in)."""
    return torch.empty_like(values).uniform_(-(fan_in**-0.5), fan_in**-0.5)


@pytest.mark.parametrize(
    ("init", "variance", "kurtosis"), [("kaiming", 2, 3), ("torch", 1 / 3, 1.8)]
)
def test_weights_of_a_backbone_begin_by_the_law_that_is_asked_for(init, variance, kurtosis):
    """Variance times fan-in; kurtosis of a normal, or of a uniform that has bounds."""
    torch.manual_seed(0)
    for module in CifarResNet(20, init=init).modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 2000:
            values = module.weight.detach().flatten()
            fan_in = module.in_channels * 9
            assert float(values.mean()) == pytest.approx(0, abs=5 / (fan_in * len(values)) ** 0.5)
            assert float(values.var()) * fan_in == pytest.approx(variance, rel=0.15)
            fourth = float((values - values.mean()).pow(4).mean() / values.var() ** 2)
            assert fourth == pytest.approx(kurtosis, rel=0.25)
            if init == "torch":
                assert float(values.abs().max()) <= fan_in**-0.5


def test_convolutions_of_pytorch_begin_the_square_root_of_six_smaller():
    torch.manual_seed(0)
    large, small = (CifarResNet(32, init=init).blocks[-1].conv2.weight.detach() for init in INITS)
    assert float(large.std() / small.std()) == pytest.approx(6**0.5, rel=0.02)


@pytest.mark.parametrize("init", INITS)
def test_an_encoder_begins_with_the_same_bits_by_the_draws_written_out(init):
    """All layers of PyTorch's in order, then Kaiming's over the convolutions, then the head."""
    torch.manual_seed(7)
    encoder = build_encoder(BACKBONE, (16, 6), init=init)
    torch.manual_seed(7)
    expected = {}
    convolutions = [n for n, m in encoder.backbone.named_modules() if isinstance(m, nn.Conv2d)]
    for name in convolutions:
        weight = encoder.backbone.get_submodule(name).weight
        expected[name] = uniform(weight, weight[0].numel())
    if init == "kaiming":
        expected = {name: kaiming(weight) for name, weight in expected.items()}
    for name in convolutions:
        assert torch.equal(encoder.backbone.get_submodule(name).weight, expected[name])
    for layer in (encoder.projection.layers[0], encoder.projection.layers[-1]):
        for values in (layer.weight, layer.bias):
            assert torch.equal(values, uniform(values, layer.in_features))


@pytest.mark.parametrize("init", INITS)
def test_a_linear_layer_begins_by_its_own_law_and_its_bias_by_pytorchs(init):
    """PaCo's last projection layer, and classifiers."""
    torch.manual_seed(0)
    head = ProjectionHead(64, 64, 400, BatchNorm, last_init=init)
    variance = {"kaiming": 2, "torch": 1 / 3}[init]
    for layer in (head.layers[-1], make_classifier("linear", 64, 400, init)):
        assert float(layer.weight.detach().var()) * 64 == pytest.approx(variance, rel=0.05)
        assert float(layer.bias.detach().abs().max()) <= 1 / 8
    assert float(head.layers[0].weight.detach().var()) * 64 == pytest.approx(1 / 3, rel=0.05)


@pytest.mark.parametrize("depth", [8, 20])
def test_other_depths_and_small_images_work(depth):
    assert CifarResNet(depth)(torch.zeros(2, 3, 8, 8)).shape == (2, 64)


@pytest.mark.parametrize("depth", [2, 9, 33])
def test_depth_that_is_not_6n_plus_2_is_refused(depth):
    with pytest.raises(ValueError, match=r"6n\+2"):
        CifarResNet(depth)


def test_shortcut_subsamples_and_pads_both_sides_with_zeros():
    block = next(b for b in CifarResNet(8).blocks if b.padding)
    x = torch.randn(2, 16, 8, 8)
    short = block._shortcut(x)
    assert short.shape == (2, 32, 4, 4)
    assert torch.equal(short[:, 8:24], x[:, :, ::2, ::2])
    assert not short[:, :8].any()
    assert not short[:, 24:].any()


def test_same_seed_gives_the_same_initial_weights():
    torch.manual_seed(3)
    one = CifarResNet(8)
    torch.manual_seed(3)
    two = CifarResNet(8)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_projection_is_a_hidden_layer_with_relu_and_unit_norm():
    head, x = (
        ProjectionHead(6, 5, 4).double(),
        torch.randn(3, 6, dtype=torch.float64),
    )
    w1, b1, w2, b2 = head.parameters()
    expected = (x @ w1.T + b1).clamp(min=0) @ w2.T + b2
    torch.testing.assert_close(head(x), expected / expected.square().sum(1, keepdim=True).sqrt())


def test_classifiers_start_kaiming_normal_or_as_unit_vectors():
    torch.manual_seed(0)
    linear, cosine = (make_classifier(kind, 64, 100) for kind in ("linear", "cosine"))
    assert float(linear.weight.detach().std()) == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    torch.testing.assert_close(cosine.weight.norm(dim=1), torch.ones(100))


def test_cosine_classifier_gives_cosines_whatever_the_lengths():
    layer, x = CosineClassifier(8, 3), torch.randn(5, 8)
    expected = F.cosine_similarity(x[:, None], layer.weight[None], dim=2)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(10 * x), expected)


def test_whole_networks_are_their_parts_one_after_the_other():
    images = torch.randn(4, 3, 8, 8)
    encoder = build_encoder(BACKBONE, (16, 6)).eval()
    classifier = Classifier(DEEPER, 5, "linear").eval()
    features = encoder.backbone(images)
    assert torch.equal(encoder(images), encoder.projection(features))
    torch.testing.assert_close(encoder(images).norm(dim=1), torch.ones(4))
    assert encoder(images).shape == (4, 6)
    assert torch.equal(classifier(images), classifier.head(classifier.backbone(images)))
    assert classifier(images).shape == (4, 5)
    assert isinstance(Classifier(BACKBONE, 5, "cosine").head, CosineClassifier)
    assert len(classifier.backbone.blocks) == 6


@pytest.mark.parametrize(("splits", "kind"), [(1, BatchNorm), (4, SplitBatchNorm)])
def test_an_encoder_has_batch_norm_of_as_many_parts_in_the_backbone_alone(splits, kind):
    encoder: Encoder = build_encoder(BACKBONE, (16, 6), grouped(splits))
    norms = [module for module in encoder.modules() if "Norm" in type(module).__name__]
    assert {type(norm) for norm in norms} == {kind}
    assert len(norms) == 7
    assert all(norm.splits == splits for norm in norms if isinstance(norm, SplitBatchNorm))


def test_convolutions_are_laid_out_as_they_are_fastest():
    encoder = build_encoder(BACKBONE, (16, 6))
    to_device(encoder, torch.device("cpu"))
    assert encoder.backbone.conv.weight.is_contiguous(memory_format=torch.channels_last)


def test_momentum_moves_parameters_and_leaves_buffers():
    query, key = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    query.weight.data.fill_(2.0)
    query.running_mean.fill_(7.0)
    momentum_update(key, query, 0.9)
    torch.testing.assert_close(key.weight, torch.full((3,), 0.9 * 1 + 0.1 * 2))
    assert not key.running_mean.any()
    momentum_update(key, query, 1.0)
    torch.testing.assert_close(key.weight, torch.full((3,), 1.1))


def test_queue_keeps_the_last_keys_in_a_ring():
    queue = LabelQueue(6, 2)
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(6))
    assert queue.labels.tolist() == [-1] * 6
    for start in range(0, 8, 2):
        queue.enqueue(torch.full((2, 2), float(start)), torch.tensor([start, start + 1]))
    assert queue.labels.tolist() == [6, 7, 2, 3, 4, 5]
    assert queue.keys[:, 0].tolist() == [6, 6, 2, 2, 4, 4]
    restored = LabelQueue(6, 2)
    restored.load_state_dict(queue.state_dict())
    assert int(restored.pointer) == 2


def test_queue_wraps_around_inside_a_batch():
    queue = LabelQueue(6, 1)
    for batch in ([0, 1], [2, 3, 4], [5, 6, 7]):
        queue.enqueue(torch.tensor(batch)[:, None].float(), torch.tensor(batch))
    assert queue.labels.tolist() == [6, 7, 2, 3, 4, 5]
    assert queue.keys[:, 0].tolist() == [6, 7, 2, 3, 4, 5]


def test_queue_and_momentum_write_in_place_and_record_no_gradient():
    queue = LabelQueue(4, 2)
    storage = {name: buffer.data_ptr() for name, buffer in queue.named_buffers()}
    queue.enqueue(torch.ones(2, 2, requires_grad=True), torch.tensor([0, 1]))
    assert {name: buffer.data_ptr() for name, buffer in queue.named_buffers()} == storage
    assert not queue.keys.requires_grad
    key, query = nn.Linear(2, 2), nn.Linear(2, 2)
    before = key.weight.data_ptr()
    momentum_update(key, query, 0.5)
    assert key.weight.data_ptr() == before
    assert key.weight.grad_fn is None


@pytest.mark.parametrize("batch", [0, 4])
def test_queue_refuses_a_batch_that_does_not_divide_it(batch):
    with pytest.raises(ValueError, match=f"6 is not a multiple of the batch {batch}"):
        LabelQueue(6, 2).enqueue(torch.zeros(batch, 2), torch.zeros(batch, dtype=torch.long))
