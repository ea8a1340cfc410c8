"""measure_features.py measures both spaces of the trained encoder on both sets."""

import pytest
import torch
from artefacts import CLASSES, command_line, effective, store_and_split

from cogloat.checkpoint import save_checkpoint
from cogloat.data.imageset import load_test_set, load_training_set
from cogloat.errors import UserError
from cogloat.evaluation.features import describe_features
from cogloat.files import sha256
from cogloat.models.inference import outputs
from cogloat.models.networks import Classifier, build_encoder
from cogloat.results.features import Features
from measure_features import main

CPU = torch.device("cpu")


def measure(folder):
    main(
        command_line(
            config=folder / "config.json",
            weights=folder / "weights.pt",
            store=folder / "store",
            split=folder / "split.csv",
            output=folder / "features.json",
            device="cpu",
        )
    )


def test_every_number_is_of_its_space_and_its_set(tmp_path):
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", "kcl", "pretrain", seed=3)
    torch.manual_seed(0)
    encoder = build_encoder(config.depth, config.settings.projection, 1)
    save_checkpoint(tmp_path / "weights.pt", encoder.state_dict())
    measure(tmp_path)
    found = Features.read(tmp_path / "features.json")
    assert (found.dataset, found.factor, found.method, found.seed) == ("digits", 60, "kcl", 3)
    assert found.split_sha256 == sha256(tmp_path / "split.csv")
    sets = {
        "train": load_training_set(tmp_path / "store", tmp_path / "split.csv", CLASSES, CPU),
        "test": load_test_set(tmp_path / "store", CLASSES, CPU),
    }
    for name, images in sets.items():
        spaces = {"projection": encoder, "backbone": encoder.backbone}
        for space, network in spaces.items():
            features = outputs(network, images, config.data)
            expected = describe_features(features, images.labels_N, CLASSES).model_dump()
            own = getattr(getattr(found, name), space).model_dump()
            assert own == pytest.approx(expected), (name, space)


def test_stage_without_an_encoder_is_refused(tmp_path):
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", "ce", "train")
    network = Classifier(config.depth, CLASSES, "linear")
    save_checkpoint(tmp_path / "weights.pt", network.state_dict())
    with pytest.raises(UserError, match="stage 'train' of ce trains no encoder with a projection"):
        measure(tmp_path)
    assert not (tmp_path / "features.json").exists()
