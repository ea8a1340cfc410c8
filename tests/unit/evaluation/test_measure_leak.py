"""measure_leak.py measures a trained encoder in the mode of its loss, and in evaluation mode."""

import pytest
import torch
from artefacts import command_line, effective, stage_of, store_and_split
from torch.nn import BatchNorm2d

from cogloat.checkpoint import save_checkpoint
from cogloat.config.reading import dump
from cogloat.errors import UserError
from cogloat.files import sha256, write_text
from cogloat.models.networks import Classifier, build_encoder
from cogloat.models.normalisation import grouped
from cogloat.results.leak import Leak
from measure_leak import main


def measure(folder, name="leak.json"):
    main(
        command_line(
            config=folder / "config.json",
            weights=folder / "weights.pt",
            store=folder / "store",
            split=folder / "split.csv",
            output=folder / name,
            device="cpu",
        )
    )
    return Leak.read(folder / name)


def trained(folder, operations=None, method="kcl", **changes):
    """Write a pre-training; its views are made by some operations in place of the method's."""
    store_and_split(folder)
    changes = {"batch_size": 32, "queue": 64} | changes
    config = effective(folder / "config.json", method, "pretrain", seed=3, **changes)
    if operations is not None:
        views = dict.fromkeys(config.data.augmentations, operations)
        data = config.data.model_copy(update={"augmentations": views})
        write_text(folder / "config.json", dump(config.model_copy(update={"data": data})))
    torch.manual_seed(0)
    settings = config.settings
    encoder = build_encoder(config.backbone, settings.projection, grouped(settings.groups))
    save_checkpoint(folder / "weights.pt", encoder.state_dict())
    return config


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kcl", "tsc", "cogloat_proco"])
def test_measures_are_of_the_run_and_always_the_same(tmp_path, method):
    trained(tmp_path, method=method)
    found = measure(tmp_path)
    assert (found.dataset, found.factor, found.method, found.seed) == ("digits", 60, method, 3)
    assert found.split_sha256 == sha256(tmp_path / "split.csv")
    assert found.leak == found.batch - found.running
    measure(tmp_path, "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "leak.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("splits", [1, 2])
def test_without_augmentation_the_own_key_is_the_query_and_shuffling_is_undone(tmp_path, splits):
    trained(tmp_path, operations=(), groups=splits)
    assert measure(tmp_path).running == 100


@pytest.mark.parametrize("splits", [1, 2])
def test_keys_are_shuffled_between_the_methods_groups_and_both_statistics_see_the_same(
    tmp_path, monkeypatch, splits
):
    seen = []

    def spy(encoder, pairs, queue):
        seen.append((encoder.training, list(pairs), queue))
        norms = [own for own in encoder.modules() if isinstance(own, BatchNorm2d)]
        assert {getattr(own, "splits", 1) for own in norms} == {splits}
        return 50.0

    monkeypatch.setattr("measure_leak.own_key_retrieval", spy)
    trained(tmp_path, groups=splits)
    measure(tmp_path)
    (evaluation, running, queue), (training, batch, _) = seen
    assert (evaluation, training, queue) == (False, True, 64)
    assert len(running) == 245 // 32
    for own, other in zip(running, batch, strict=True):
        assert torch.equal(own.queries, other.queries)
        assert torch.equal(own.keys, other.keys)
        assert torch.equal(own.order_B, other.order_B)
        assert not torch.equal(own.queries, own.keys)
        assert own.order_B.sort().values.tolist() == list(range(32))
        assert (own.order_B.tolist() == list(range(32))) == (splits == 1)
    assert not torch.equal(running[0].queries, running[1].queries)
    assert splits == 1 or not torch.equal(running[0].order_B, running[1].order_B)


def test_views_are_augmented(tmp_path):
    trained(tmp_path)
    assert measure(tmp_path).running < 100


@pytest.mark.slow
def test_queue_is_the_methods(tmp_path):
    rates = []
    for queue in (32, 224):
        folder = tmp_path / str(queue)
        trained(folder, queue=queue)
        rates.append(measure(folder).running)
    assert rates[0] > rates[1]


def test_fewer_than_two_batches_are_refused(tmp_path):
    trained(tmp_path, batch_size=128, queue=128)
    with pytest.raises(UserError, match=r"split\.csv: 245 images are less than two batches of 128"):
        measure(tmp_path)
    assert not (tmp_path / "leak.json").exists()


def test_stage_without_a_key_encoder_is_refused(tmp_path):
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", "ce", "train")
    save_checkpoint(tmp_path / "weights.pt", Classifier(config.backbone, 10, "linear").state_dict())
    with pytest.raises(UserError, match=r"settings\.objective: 'classifier' has no key encoder"):
        measure(tmp_path)


def test_weights_of_another_run_are_refused(tmp_path):
    trained(tmp_path)
    (tmp_path / "history.csv").touch()
    stage_of(tmp_path, stage="pretrain").write(tmp_path / "provenance.json")
    measure(tmp_path)
    with (tmp_path / "split.csv").open("a") as file:
        file.write("0,0\n")
    with pytest.raises(UserError, match=r"split\.csv: not the split that .* was made with"):
        measure(tmp_path)
