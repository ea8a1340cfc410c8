"""Batch norm by parts against PyTorch's of each part, and a network without batch norm."""

import copy

import pytest
import torch
from miniature import BACKBONE, DEEPER
from torch import nn

from cogloat.bench.pretended import Device
from cogloat.models.networks import Classifier, build_encoder
from cogloat.models.normalisation import BatchNorm, SplitBatchNorm, folded, grouped

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def images(batch: int = 6, features: int = 4, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return images of which each has another mean and width."""
    draw = torch.Generator().manual_seed(0)
    number = torch.arange(1, batch + 1)[:, None, None, None]
    raw = torch.randn(batch, features, 5, 3, generator=draw, dtype=torch.float64)
    return ((raw + 0.5 * number) * number).to(dtype)


def warmed(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Give a batch norm weights and statistics that differ from channel to channel."""
    for value, start in ((norm.weight, 0.5), (norm.bias, -1), (norm.running_mean, 2)):
        value.data.copy_(torch.arange(norm.num_features) + start)
    norm.running_var.copy_(torch.arange(norm.num_features) + 0.25)
    return norm


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("splits", [1, 2, 3, 6])
def test_each_part_is_normalised_by_itself_and_so_is_its_gradient(splits, layout, dtype):
    """In bfloat16 only the images are; statistics and weights stay in float32."""
    of_weights = torch.float64 if dtype == torch.float64 else torch.float32
    split = warmed(SplitBatchNorm(4, splits).to(of_weights))
    parts = [warmed(nn.BatchNorm2d(4).to(of_weights)) for _ in range(splits)]
    x = images(dtype=dtype).contiguous(memory_format=layout).requires_grad_()
    gradient = torch.cos(images(dtype=dtype)).contiguous(memory_format=layout)

    out = split(x)
    out.backward(gradient)
    ours, x.grad = x.grad, None
    theirs = torch.cat([norm(own) for norm, own in zip(parts, x.chunk(splits), strict=True)])
    theirs.backward(gradient)

    assert out.dtype == dtype
    assert out.is_contiguous(memory_format=layout)
    assert torch.equal(out, theirs)
    assert torch.equal(ours, x.grad)
    for name in ("weight", "bias"):
        expected = sum(getattr(norm, name).grad for norm in parts)
        torch.testing.assert_close(getattr(split, name).grad, expected)
    for name in ("running_mean", "running_var"):
        expected = torch.stack([getattr(norm, name) for norm in parts]).mean(dim=0)
        torch.testing.assert_close(getattr(split, name), expected)


@pytest.mark.slow
@pytest.mark.parametrize("first_alone", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (6, 4), (6, 3, 5, 3), (5, 4, 5, 3)])
@pytest.mark.parametrize("splits", [1, 2, 3])
def test_on_another_device_all_parts_are_normalised_together(splits, shape, dtype, first_alone):
    draw = torch.Generator().manual_seed(0)
    x, gradient = (torch.randn(shape, generator=draw).to(dtype) for _ in range(2))
    of_weights = torch.promote_types(dtype, torch.float32)
    here, there = (
        warmed(SplitBatchNorm(shape[1], splits, first_alone=first_alone).to(of_weights))
        for _ in range(2)
    )
    with Device() as device:
        there.to(device.device)
        results = []
        for norm, place in ((here, "cpu"), (there, device.device)):
            own = x.clone().to(place).requires_grad_()
            out = norm(own)
            out.backward(gradient.to(place))
            grads = [each.grad.cpu() for each in (own, norm.weight, norm.bias)]
            results.append([out.detach().cpu(), *grads, *(each.cpu() for each in norm.buffers())])
        # where parts are equal, one operation is for all
        assert device.work.count("native_batch_norm") == (1 if shape[0] % splits == 0 else splits)
    near = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2}[dtype]
    torch.testing.assert_close(*results, rtol=near, atol=near)


@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (6, 4)])
def test_what_it_returns_may_be_changed_in_place(shape):
    """As by torchvision's ResNets."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    norm, gradients = SplitBatchNorm(4, 2), []
    with Device() as device:
        for place in ("cpu", device.device):
            own = x.clone().to(place).requires_grad_()
            nn.functional.relu(norm.to(place)(own), inplace=True).square().sum().backward()
            gradients.append(own.grad.cpu())
    torch.testing.assert_close(*gradients)


def test_the_gradient_is_that_of_finite_differences():
    norm = warmed(SplitBatchNorm(2, 3).double())
    x = images(features=2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(norm, (x,))


def test_running_statistics_judge_where_it_is_not_trained():
    split, whole = warmed(SplitBatchNorm(4, 2)), warmed(nn.BatchNorm2d(4))
    x = images()
    assert torch.equal(split.eval()(x), whole.eval()(x))
    assert torch.equal(split.running_mean, whole.running_mean)


def test_a_pass_without_gradients_moves_the_statistics_as_one_with_them():
    with_them, without = (warmed(SplitBatchNorm(4, 2)) for _ in range(2))
    expected = with_them(images())
    with torch.no_grad():
        assert torch.equal(without(images()), expected)
    assert torch.equal(without.running_var, with_them.running_var)


@pytest.mark.parametrize("shape", [(5, 4), (7, 4, 2, 3)])
def test_parts_are_as_equal_as_they_can_be_the_first_ones_larger(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    norm, part = warmed(SplitBatchNorm(4, 2)), warmed(BatchNorm(4))
    larger = (shape[0] + 1) // 2
    expected = torch.cat([part(x[:larger]), part(x[larger:])])
    torch.testing.assert_close(norm(x), expected)


def test_statistics_may_be_those_of_the_first_part_alone():
    x = images()
    norm, part = warmed(SplitBatchNorm(4, 3, first_alone=True)), warmed(BatchNorm(4))
    norm(x)
    part(x[:2])
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(norm, name), getattr(part, name))


def test_a_part_of_one_number_has_no_statistics():
    with pytest.raises(ValueError, match="a batch of 3 has a single number in a part of 2"):
        SplitBatchNorm(4, splits=2)(torch.zeros(3, 4))


def test_batch_norm_is_pytorchs_without_its_count():
    ours, theirs = warmed(BatchNorm(4)), warmed(nn.BatchNorm2d(4))
    x = images()
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.eval()(x), theirs.eval()(x))
    assert torch.equal(ours.running_mean, theirs.running_mean)
    assert torch.equal(ours.running_var, theirs.running_var)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert (int(ours.num_batches_tracked), int(theirs.num_batches_tracked)) == (0, 1)


@pytest.mark.parametrize("splits", [1, 2])
def test_a_folded_network_computes_the_same_without_batch_norm(splits):
    network = build_encoder(DEEPER, (16, 6), grouped(splits)).double()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            warmed(part)
    network.eval()
    before = copy.deepcopy(network.state_dict())
    plain = folded(network)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in plain.modules())
    assert not any(weight.requires_grad for weight in plain.parameters())
    x = images(4, features=3, dtype=torch.float64).repeat(1, 1, 2, 3).requires_grad_()
    results = []
    for one in (network, plain):
        (gradient,) = torch.autograd.grad(one(x).square().sum(), x)
        results.append((one(x), gradient))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(weight.requires_grad for weight in network.parameters())


def test_what_has_no_batch_norm_is_not_copied():
    head = Classifier(BACKBONE, 3, "linear").head
    assert folded(head) is head
