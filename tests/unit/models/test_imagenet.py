import pytest
import torch
from torch import nn

from cogloat.config.backbone import ImagenetBackbone, weights
from cogloat.models.networks import Classifier, build_encoder, make_backbone
from cogloat.models.normalisation import BatchNorm, SplitBatchNorm, folded, grouped

TEN, FIFTY = (ImagenetBackbone(kind="imagenet", depth=depth) for depth in (10, 50))


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "layers", "features"), [(TEN, 10, 512), (FIFTY, 50, 2048)])
def test_a_resnet_has_the_layers_that_its_name_counts(backbone, layers, features):
    network = make_backbone(backbone)
    shortcuts = sum(name.endswith("downsample.0") for name, _ in network.named_modules())
    counted = len(convolutions(network)) - shortcuts
    assert counted + 1 == layers  # the classifier is the last
    assert network.feature_dim == backbone.features == features
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, features)
    assert network.maps(torch.zeros(2, 3, 65, 97)).shape == (2, features, 3, 4)


@pytest.mark.slow
def test_resnet_50_has_the_published_number_of_parameters():
    network = make_backbone(FIFTY)
    assert sum(weight.numel() for weight in network.parameters()) == 23_508_032


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [TEN, FIFTY])
def test_what_a_plan_says_of_its_size_is_its_size(backbone):
    held = make_backbone(backbone).state_dict()
    real = sum(value.numel() for name, value in held.items() if "batches" not in name)
    assert weights(backbone) == real


@pytest.mark.slow
def test_a_bottleneck_subsamples_in_its_middle():
    strides = {
        (conv.kernel_size[0], conv.stride[0])
        for name, conv in make_backbone(FIFTY).named_modules()
        if isinstance(conv, nn.Conv2d) and "downsample" not in name and name != "conv1"
    }
    assert strides == {(1, 1), (3, 1), (3, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("init", ["kaiming", "torch"])
def test_convolutions_begin_by_what_they_put_out_or_as_pytorchs_do(init):
    torch.manual_seed(0)
    for conv in convolutions(make_backbone(FIFTY, init=init))[1:]:
        size = conv.kernel_size[0] ** 2
        variance = {"kaiming": 2 / (size * conv.out_channels), "torch": 1 / 3 / size}[init]
        variance /= 1 if init == "kaiming" else conv.in_channels
        assert float(conv.weight.detach().var()) == pytest.approx(variance, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("splits", "kind"), [(1, BatchNorm), (2, SplitBatchNorm)])
def test_an_encoder_has_batch_norm_of_as_many_parts(splits, kind):
    encoder = build_encoder(TEN, (16, 6), grouped(splits))
    norms = [module for module in encoder.modules() if "Norm" in type(module).__name__]
    assert {type(norm) for norm in norms} == {kind}
    encoder(torch.randn(4, 3, 32, 32)).sum().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())


def test_a_folded_network_gives_the_same_scores():
    torch.manual_seed(0)
    network = Classifier(TEN, 5, "linear").double()
    images = torch.randn(8, 3, 32, 32, dtype=torch.float64)
    network(images)  # moves the running statistics
    network.eval()
    torch.testing.assert_close(folded(network)(images), network(images))
