"""measure_gradients.py: one pass of the trained encoder, each image once an anchor."""

import pytest
import torch
from artefacts import CLASSES, COUNTS, command_line, effective, stage_of, store_and_split

import measure_gradients
from cogloat.checkpoint import save_checkpoint
from cogloat.data.imageset import load_training_set
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.methods.moco.gradient import Gradient
from cogloat.methods.moco.objective import Contrast
from cogloat.models.networks import Classifier, build_encoder
from cogloat.results.gradients import PARTS, Gradients

CPU = torch.device("cpu")
IMAGES = sum(COUNTS)
SMALL = {"batch_size": 32, "queue": 64}


def measure(folder, **changes):
    known = {
        "config": folder / "config.json",
        "weights": folder / "weights.pt",
        "store": folder / "store",
        "split": folder / "split.csv",
        "many_above": 50,
        "few_below": 10,
        "output": folder / "gradients.json",
        "device": "cpu",
    }
    measure_gradients.main(command_line(**known | changes))
    return Gradients.read(folder / "gradients.json")


@pytest.fixture
def trained(tmp_path):
    """Return what makes a pre-training's files for a method, and its configuration."""

    def make(method="cogloat", **changes):
        store_and_split(tmp_path)
        config = effective(tmp_path / "config.json", method, "pretrain", seed=3, **SMALL | changes)
        torch.manual_seed(0)
        encoder = build_encoder(config.backbone, config.settings.projection)
        save_checkpoint(tmp_path / "weights.pt", encoder.state_dict())
        return tmp_path, config

    return make


def test_run_is_that_of_the_configuration_and_its_classes_those_of_the_split(trained):
    folder, config = trained()
    found = measure(folder)
    assert (found.dataset, found.factor, found.method, found.seed) == ("digits", 60, "cogloat", 3)
    assert found.split_sha256 == sha256(folder / "split.csv")
    assert found.class_counts == COUNTS
    assert found.classes == tuple(map(str, range(CLASSES)))
    # of (60, 60, 50, 30, 20, 10, 10, 2, 2, 1): more than 50, fewer than 10
    assert found.groups == ("many",) * 2 + ("medium",) * 5 + ("few",) * 3
    gamma = config.settings.temperature.gamma
    expected = [gamma + (1 - gamma) * count / max(COUNTS) for count in COUNTS]
    assert found.temperature == pytest.approx(expected)


@pytest.mark.slow
def test_same_files_give_the_same_numbers(trained):
    folder, _ = trained()
    assert measure(folder) == measure(folder)


@pytest.mark.parametrize("method", ["kcl", "cogloat"])
def test_means_are_over_the_images_of_a_class_each_once(trained, method, monkeypatch):
    """By gradients that say which images were anchors: 245 images are 7 whole batches and 21."""
    folder, _ = trained(method)
    seen = []

    def gradient(self, positions_B, epoch, step):
        seen.append(positions_B.tolist())
        norms_B1 = (1.0 + positions_B)[:, None]
        return Gradient(norms_B1, 2 * norms_B1, 4 * norms_B1, 0 * positions_B + 0.5)

    monkeypatch.setattr(Contrast, "gradient", gradient)
    found = measure(folder)
    assert {len(batch) for batch in seen} == {32}
    anchors = [position for batch in seen for position in batch]
    assert sorted(anchors[:IMAGES]) == list(range(IMAGES))
    assert anchors[IMAGES:] == anchors[: -IMAGES % 32]
    images = load_training_set(
        folder / "store", folder / "split.csv", measured_data(folder), CPU
    ).labels_N
    means = [
        float((1.0 + torch.arange(IMAGES))[images == label].mean()) for label in range(CLASSES)
    ]
    weights = {"positive": 1, "false_negative": 2, "true_negative": 4, "negative": 6, "total": 14}
    for part in PARTS:
        expected = [weights[part] * mean for mean in means]
        assert getattr(found, part) == pytest.approx(expected), part


def measured_data(folder):
    return effective(folder / "again.json", "kcl", "pretrain").data


def test_pass_is_of_the_trained_encoder_on_both_sides_with_its_keys_in_the_queue(trained):
    folder, config = trained()
    training = load_training_set(folder / "store", folder / "split.csv", config.data, CPU)
    arguments = (config, folder / "weights.pt", folder / "config.json", training)
    objective = measure_gradients._trained(*arguments)
    expected = build_encoder(config.backbone, config.settings.projection)
    expected.load_state_dict(torch.load(folder / "weights.pt"), strict=False)
    for encoder in (objective.query, objective.key):
        assert encoder.training
        for own, other in zip(encoder.parameters(), expected.parameters(), strict=True):
            assert torch.equal(own, other)
    assert (objective.queue.labels >= 0).all()
    norms_NM, _ = measure_gradients._one_pass(objective)
    assert norms_NM.shape == (IMAGES, len(PARTS))
    for own, other in zip(objective.key.parameters(), expected.parameters(), strict=True):
        assert torch.equal(own, other)  # the twins are equal, and stay so


def test_an_image_alone_in_its_class_has_itself_as_positive_and_false_negatives_of_its_own(trained):
    """KCL's positives are its own key; what the queue has of the class is a positive too."""
    folder, _ = trained("kcl")
    found = measure(folder)
    assert found.false_negative[-1] == 0  # at most k = 6 entries are of the class
    assert all(value > 0 for value in found.positive)
    assert all(value > 0 for value in found.true_negative)


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        ("tsc", {}, "settings.objective: the gradients of 'tsc' have no such parts"),
        ("cogloat_proco", {}, "settings.objective: the gradients of 'proco' have no such parts"),
        ("kcl", {"batch_size": 256, "queue": 512}, "settings.batch_size: 256, but there are 245"),
    ],
)
def test_what_has_no_such_gradients_is_refused(trained, method, changes, message):
    folder, _ = trained(method, **changes)
    with pytest.raises(UserError) as caught:
        measure(folder)
    assert f"config.json: {message}" in str(caught.value)
    assert not (folder / "gradients.json").exists()


def test_stage_without_contrast_is_refused(tmp_path):
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", "ce", "train")
    network = Classifier(config.backbone, CLASSES, "linear")
    save_checkpoint(tmp_path / "weights.pt", network.state_dict())
    with pytest.raises(UserError, match="the gradients of 'classifier' have no such parts"):
        measure(tmp_path)


def test_groups_that_overlap_are_refused(trained):
    folder, _ = trained()
    with pytest.raises(SystemExit):
        measure(folder, many_above=5, few_below=20)


def test_other_weights_than_the_provenance_names_are_refused(trained):
    folder, _ = trained()
    (folder / "history.csv").touch()
    stage_of(folder, stage="pretrain").write(folder / "provenance.json")
    measure(folder)
    (folder / "split.csv").write_text((folder / "split.csv").read_text().rstrip("\n"))
    with pytest.raises(UserError, match=r"split\.csv: not the split that "):
        measure(folder)


def test_gradients_that_are_not_finite_are_refused(trained):
    folder, config = trained()
    encoder = build_encoder(config.backbone, config.settings.projection)
    encoder.projection.layers[2].weight.data.fill_(3e38)
    save_checkpoint(folder / "weights.pt", encoder.state_dict())
    with pytest.raises(UserError, match=r"weights\.pt: what it makes of .* is not finite"):
        measure(folder)
    assert not (folder / "gradients.json").exists()
