"""measure_features.py measures both spaces of the trained encoder on both sets."""

import pytest
import torch
from artefacts import CLASSES, command_line, effective, stage_of, store_and_split

from cogloat.checkpoint import save_checkpoint
from cogloat.data.imageset import load_test_set, load_training_set
from cogloat.errors import UserError
from cogloat.evaluation.features import describe_features
from cogloat.files import sha256
from cogloat.models.inference import outputs
from cogloat.models.networks import Classifier, build_encoder
from cogloat.models.normalisation import grouped
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


@pytest.mark.slow
@pytest.mark.parametrize(("method", "splits"), [("kcl", 1), ("kcl", 8), ("kcl_inbatch", 1)])
def test_every_number_is_of_its_space_and_its_set(tmp_path, method, splits):
    """Of a momentum pair's encoder, also one with split batch norm, and of one within the batch."""
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", method, "pretrain", seed=3)
    torch.manual_seed(0)
    encoder = build_encoder(config.backbone, config.settings.projection, grouped(splits))
    save_checkpoint(tmp_path / "weights.pt", encoder.state_dict())
    measure(tmp_path)
    found = Features.read(tmp_path / "features.json")
    assert (found.dataset, found.factor, found.method, found.seed) == ("digits", 60, method, 3)
    assert found.split_sha256 == sha256(tmp_path / "split.csv")
    sets = {
        "train": load_training_set(tmp_path / "store", tmp_path / "split.csv", config.data, CPU),
        "test": load_test_set(tmp_path / "store", config.data, CPU),
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
    network = Classifier(config.backbone, CLASSES, "linear")
    save_checkpoint(tmp_path / "weights.pt", network.state_dict())
    with pytest.raises(UserError, match="stage 'train' of ce trains no encoder with a projection"):
        measure(tmp_path)
    assert not (tmp_path / "features.json").exists()


@pytest.fixture
def encoder(tmp_path):
    """A pre-training's files, with its provenance, and the encoder."""
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", "kcl", "pretrain")
    torch.manual_seed(0)
    network = build_encoder(config.backbone, config.settings.projection)
    save_checkpoint(tmp_path / "weights.pt", network.state_dict())
    (tmp_path / "history.csv").touch()
    stage_of(tmp_path, stage="pretrain").write(tmp_path / "provenance.json")
    return tmp_path, network


def test_files_that_belong_together_are_measured(encoder):
    folder, _ = encoder
    measure(folder)
    assert (folder / "features.json").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.pt", "weights.pt: not what {} says that the stage left"),
        (
            "config.json",
            "config.json: not the configuration that {folder}/weights.pt was made with",
        ),
        ("split.csv", "split.csv: not the split that {folder}/weights.pt was made with, says {}"),
        ("store/store.json", "store.json: not the store that {folder}/weights.pt was made with"),
    ],
)
def test_file_that_the_provenance_beside_the_weights_does_not_name_is_refused(
    encoder, name, message
):
    folder, network = encoder
    if name == "weights.pt":
        network.projection.layers[0].bias.data += 1
        save_checkpoint(folder / name, network.state_dict())
    else:
        (folder / name).write_text((folder / name).read_text().rstrip("\n"))
    with pytest.raises(UserError) as caught:
        measure(folder)
    assert message.format(folder / "provenance.json", folder=folder) in str(caught.value)
    assert not (folder / "features.json").exists()


def test_provenance_of_something_else_beside_the_weights_is_named(encoder):
    folder, _ = encoder
    (folder / "provenance.json").write_text('{"stages": []}')
    with pytest.raises(UserError, match=r"provenance\.json: .*It is not the provenance of a stage"):
        measure(folder)


def test_features_that_are_not_finite_are_refused(encoder):
    folder, network = encoder
    (folder / "provenance.json").unlink()
    network.projection.layers[2].weight.data.fill_(3e38)
    save_checkpoint(folder / "weights.pt", network.state_dict())
    with pytest.raises(
        UserError, match=r"weights\.pt: what it makes of .* is not finite, though the"
    ):
        measure(folder)
    assert not (folder / "features.json").exists()
