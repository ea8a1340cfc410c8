import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cogloat.models.heads import CosineClassifier, ProjectionHead, make_classifier
from cogloat.models.momentum import LabelQueue, momentum_update
from cogloat.models.normalisation import SplitBatchNorm
from cogloat.models.resnet import CifarResNet, parameter_count


@pytest.mark.parametrize(("classes", "total"), [(10, 464_154), (100, 470_004)])
def test_resnet_32_has_the_published_number_of_parameters(classes, total):
    backbone = CifarResNet(32)
    assert parameter_count(backbone) == 463_504
    linear = make_classifier("linear", backbone.feature_dim, classes)
    assert parameter_count(backbone) + parameter_count(linear) == total
    assert parameter_count(ProjectionHead(64, 64, 128)) == 12_480


def test_resnet_32_has_31_convolutions_at_the_sizes_of_the_paper():
    sizes = []
    backbone = CifarResNet(32)
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, __, out: sizes.append(tuple(out.shape[1:])))
    assert backbone(torch.zeros(2, 3, 32, 32)).shape == (2, 64)
    expected = [(16, 32, 32)] * 11 + [(32, 16, 16)] * 10 + [(64, 8, 8)] * 10
    assert sizes == expected


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


def test_projections_are_unit_vectors():
    out = ProjectionHead(64, 64, 128)(torch.randn(5, 64))
    torch.testing.assert_close(out.norm(dim=1), torch.ones(5))


def test_cosine_classifier_gives_cosines_whatever_the_lengths():
    layer, x = CosineClassifier(8, 3), torch.randn(5, 8)
    expected = F.cosine_similarity(x[:, None], layer.weight[None], dim=2)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(10 * x), expected)


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


def test_queue_refuses_a_batch_that_does_not_divide_it():
    with pytest.raises(ValueError, match="6 is not a multiple of the batch 4"):
        LabelQueue(6, 2).enqueue(torch.zeros(4, 2), torch.zeros(4, dtype=torch.long))


def test_split_batch_norm_normalises_each_part_by_itself():
    split = SplitBatchNorm(4, splits=2)
    whole = nn.BatchNorm2d(4)
    split.load_state_dict(whole.state_dict())
    x = torch.randn(6, 4, 5, 5) * torch.arange(1, 7)[:, None, None, None]
    parts = [copy.deepcopy(whole) for _ in range(2)]
    expected = torch.cat([norm(part) for norm, part in zip(parts, x.chunk(2), strict=True)])
    torch.testing.assert_close(split(x), expected)
    torch.testing.assert_close(split.running_var, (parts[0].running_var + parts[1].running_var) / 2)
    split.eval()
    whole.running_mean, whole.running_var = split.running_mean, split.running_var
    torch.testing.assert_close(split(x), whole.eval()(x))


def test_split_batch_norm_of_one_part_is_batch_norm():
    x = torch.randn(6, 4, 5, 5)
    torch.testing.assert_close(SplitBatchNorm(4, splits=1)(x), nn.BatchNorm2d(4)(x))


def test_split_batch_norm_refuses_unequal_parts():
    with pytest.raises(ValueError, match="batch of 5 cannot be split in 2"):
        SplitBatchNorm(4, splits=2)(torch.zeros(5, 4, 2, 2))
