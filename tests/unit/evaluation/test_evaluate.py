"""evaluate.py: what it measures, and that it refuses files that are not of one run."""

import numpy as np
import pytest
import torch
from artefacts import (
    CLASSES,
    COUNTS,
    EACH,
    command_line,
    effective,
    process,
    stage_of,
    store_and_split,
)
from miniature import BACKBONE

from cogloat.checkpoint import save_checkpoint
from cogloat.config.dataset import Validation
from cogloat.config.reading import dump
from cogloat.errors import UserError
from cogloat.files import sha256, write_text
from cogloat.models.networks import Classifier
from cogloat.results.confusion import read_confusion
from cogloat.results.history import write_history
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Run
from evaluate import TOLERANCE, main


def evaluate(folder, **changed):
    files = {
        "config": folder / "config.json",
        "weights": folder / "weights.pt",
        "history": folder / "history.csv",
        "provenance": folder / "stage.json",
        "store": folder / "store",
        "split": folder / "split.csv",
        "metrics": folder / "metrics.json",
        "confusion": folder / "confusion.csv",
        "output-provenance": folder / "provenance.json",
    }
    main(command_line(**files | changed, many_above=50, few_below=10, device="cpu"))


def refused(folder, message, **changed):
    with pytest.raises(UserError) as caught:
        evaluate(folder, **changed)
    assert str(caught.value).startswith(message)
    assert not (folder / "metrics.json").exists()
    assert not (folder / "provenance.json").exists()
    assert not (folder / "confusion.csv").exists()


def followed(folder, *accuracies):
    """Write a history of these accuracies."""
    rows = [
        {"epoch": epoch, "lr": 0.1, "test_accuracy": accuracy}
        for epoch, accuracy in enumerate(accuracies, 1)
    ]
    write_history(folder / "history.csv", rows)


def recorded(folder, **changed):
    """Write the provenance of the files that there are."""
    stage_of(folder, **changed).write(folder / "stage.json")


def classifier(seed):
    torch.manual_seed(seed)
    return Classifier(BACKBONE, CLASSES, "linear").eval()


@pytest.fixture
def run(tmp_path):
    """The files of a finished one-stage run on random images, and what its classifier hits."""
    test = store_and_split(tmp_path)
    data = effective(tmp_path / "config.json", "ce", "train").data
    network = classifier(0)
    save_checkpoint(tmp_path / "weights.pt", network.state_dict())
    hits = [0] * CLASSES
    for image, label in zip(test.images_NCHW, test.labels_N, strict=True):
        pixels = [(image[c] / 255 - data.mean[c]) / data.std[c] for c in range(3)]
        scores = network(torch.tensor(np.stack(pixels), dtype=torch.float32)[None])
        hits[label] += int(scores.argmax() == label)
    followed(tmp_path, 2.0, 50.0, None, 50.0, 100 * sum(hits) / (CLASSES * EACH))
    recorded(tmp_path)
    return tmp_path, hits


def test_metrics_are_those_of_one_image_at_a_time(run):
    folder, hits = run
    evaluate(folder)
    found = Metrics.read(folder / "metrics.json")
    assert found.accuracy == pytest.approx(100 * sum(hits) / (CLASSES * EACH))
    assert found.per_class == pytest.approx([100 * hit / EACH for hit in hits])
    assert found.many == pytest.approx(100 * sum(hits[:2]) / (2 * EACH))
    assert found.medium == pytest.approx(100 * sum(hits[2:7]) / (5 * EACH))
    assert found.few == pytest.approx(100 * sum(hits[7:]) / (3 * EACH))
    assert found.class_counts == COUNTS
    assert found.split_sha256 == sha256(folder / "split.csv")
    assert found.classes == tuple(map(str, range(CLASSES)))
    counts = read_confusion(folder / "confusion.csv", found)
    assert counts.diagonal().tolist() == hits
    assert counts.sum(axis=1).tolist() == [EACH] * CLASSES


def test_history_gives_the_last_and_the_first_best_accuracy(run):
    folder, hits = run
    evaluate(folder)
    found = Metrics.read(folder / "metrics.json")
    assert found.history_accuracy == pytest.approx(100 * sum(hits) / (CLASSES * EACH))
    assert (found.best_accuracy, found.best_epoch) == (50, 2)


def test_held_out_images_choose_the_best_epoch(run):
    folder, hits = run
    config = effective(folder / "config.json", "ce", "train")
    data = config.data.model_copy(update={"validation": Validation(images_per_class=2, seed=0)})
    write_text(folder / "config.json", dump(config.model_copy(update={"data": data})))
    last = 100 * sum(hits) / (CLASSES * EACH)
    rows = [
        {"epoch": epoch, "lr": 0.1, "validation_accuracy": judged, "test_accuracy": accuracy}
        for epoch, judged, accuracy in [
            (1, 40.0, 90.0),
            (2, 60.0, 50.0),
            (3, 55.0, last),
            (4, 55.0, last),
            (5, 55.0, last),
        ]
    ]
    write_history(folder / "history.csv", rows)
    recorded(folder)
    evaluate(folder)
    found = Metrics.read(folder / "metrics.json")
    assert (found.judged_by, found.validation_accuracy) == ("validation", 55)
    assert (found.best_epoch, found.best_accuracy) == (2, 50)


def test_provenance_has_the_stages_and_the_evaluation_and_the_metrics_their_recipes(run):
    folder, _ = run
    linear = effective(folder / "config.json", "ce", "train").settings.loss
    effective(folder / "config.json", "kcl", "finetune", loss=linear)
    (folder / "pretrain").mkdir()
    first = stage_of(folder, stage="pretrain", epochs=9, augmentations=("contrastive",))
    first.write(folder / "pretrain" / "stage.json")
    known = stage_of(folder).identity | {"encoder": first.outputs["weights.pt"]}
    recorded(folder, stage="finetune", identity=known, augmentations=("strong", "weak"))
    evaluate(folder, provenance=[folder / "pretrain" / "stage.json", folder / "stage.json"])
    found = Metrics.read(folder / "metrics.json")
    assert found.epochs == {"pretrain": 9, "finetune": 5}
    assert found.augmentations == {"pretrain": ("contrastive",), "finetune": ("strong", "weak")}
    provenance = Run.read(folder / "provenance.json")
    assert [stage.stage for stage in provenance.stages] == ["pretrain", "finetune"]
    assert provenance.stages[0].processes == (process(),)
    assert provenance.evaluation.identity["weights"] == sha256(folder / "weights.pt")
    assert provenance.evaluation.processes[0].precision == "float32"


def change(folder, name):
    """Make a file of the run another one that could be a run's."""
    path = folder / name
    match name:
        case "weights.pt":
            save_checkpoint(path, classifier(1).state_dict())
        case "history.csv":
            path.write_text(path.read_text().replace("2.0", "3.0"))
        case "split.csv":
            path.write_text(path.read_text().rsplit("\n", 2)[0] + "\n")
        case "config.json" | "store/store.json":
            path.write_text(path.read_text() + "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("weights.pt", "weights"),
        ("history.csv", "history"),
        ("split.csv", "split"),
        ("config.json", "configuration"),
        ("store/store.json", "store"),
    ],
)
def test_file_of_another_run_is_refused(run, name, what):
    folder, _ = run
    change(folder, name)
    refused(folder, f"{folder / name}: not the {what} of the run, says {folder / 'stage.json'}")


def test_pre_training_of_another_run_is_refused(run):
    folder, _ = run
    effective(folder / "config.json", "kcl", "finetune")
    recorded(folder, stage="finetune")
    other = folder / "pretrain.json"
    outputs = {"weights.pt": "b" * 64}
    stage_of(folder, stage="pretrain", outputs=outputs).write(other)
    refused(
        folder,
        f"{other}: not of the stage before, says {folder / 'stage.json'}",
        provenance=[other, folder / "stage.json"],
    )


@pytest.mark.parametrize("name", ["split", "store"])
def test_pre_training_on_other_images_is_refused(run, name):
    folder, _ = run
    effective(folder / "config.json", "kcl", "finetune")
    first = stage_of(folder, stage="pretrain")
    first = first.model_copy(update={"identity": first.identity | {name: "c" * 64}})
    first.write(folder / "pretrain.json")
    known = stage_of(folder).identity | {"encoder": first.outputs["weights.pt"]}
    recorded(folder, stage="finetune", identity=known)
    file = {"split": "split.csv", "store": "store/store.json"}[name]
    refused(
        folder,
        f"{folder / file}: not the {name} of the run, says {folder / 'pretrain.json'}",
        provenance=[folder / "pretrain.json", folder / "stage.json"],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["finetune"], "--provenance: of 1 stages, not 2. Give that of pretrain and finetune"),
        (["finetune", "pretrain"], "{folder}/finetune.json: the provenance of finetune, not pretr"),
        (["pretrain", "pretrain"], "{folder}/pretrain.json: the provenance of pretrain, not finet"),
        (["train", "finetune"], "{folder}/train.json: the provenance of train, not pretrain. Give"),
        (["pretrain", "pretrain", "finetune"], "--provenance: of 3 stages, not 2"),
    ],
)
def test_provenance_of_other_stages_or_in_another_order_is_refused(run, given, message):
    folder, _ = run
    effective(folder / "config.json", "kcl", "finetune")
    for stage in ("pretrain", "finetune", "train"):
        stage_of(folder, stage=stage).write(folder / f"{stage}.json")
    files = [folder / f"{stage}.json" for stage in given]
    refused(folder, message.format(folder=folder), provenance=files)


@pytest.mark.parametrize("change", [{}, {"precision": "float8"}])
def test_stage_of_no_known_precision_is_refused(run, change):
    folder, _ = run
    known = stage_of(folder).identity
    del known["precision"]
    recorded(folder, identity=known | change)
    refused(
        folder, f"{folder / 'stage.json'}: identity.precision: it is {change.get('precision')!r}"
    )


@pytest.mark.parametrize("difference", [2 * TOLERANCE, -2 * TOLERANCE])
def test_weights_that_do_not_give_the_accuracy_of_the_history_are_refused(run, difference):
    folder, hits = run
    followed(folder, 100 * sum(hits) / (CLASSES * EACH) + difference)
    recorded(folder, epochs=1)
    refused(folder, f"{folder / 'history.csv'}: ends with ")


def test_what_another_device_may_round_is_accepted(run):
    folder, hits = run
    accuracy = 100 * sum(hits) / (CLASSES * EACH) + TOLERANCE / 2
    followed(folder, accuracy)
    recorded(folder, epochs=1)
    evaluate(folder)
    assert Metrics.read(folder / "metrics.json").history_accuracy == accuracy


def test_weights_that_are_not_finite_are_refused(run):
    folder, _ = run
    network = classifier(0)
    network.head.bias.data[3] = torch.nan
    save_checkpoint(folder / "weights.pt", network.state_dict())
    recorded(folder)
    refused(folder, f"{folder / 'weights.pt'}: 'head.bias' has numbers that are not finite. Delete")


def test_scores_that_are_not_finite_are_refused_with_what_was_looked_at(run):
    folder, _ = run
    network = classifier(0)
    network.head.weight.data.fill_(3e38)
    save_checkpoint(folder / "weights.pt", network.state_dict())
    recorded(folder)
    refused(
        folder,
        f"{folder / 'weights.pt'}: what it makes of {CLASSES * EACH} of {CLASSES * EACH} images is "
        "not finite, though the weights are, up to 3e+38. Train this stage again",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("weights.pt", "", "the weights file is truncated, corrupt or not a checkpoint"),
        ("weights.pt", "PK", "the weights file is truncated, corrupt or not a checkpoint"),
        ("history.csv", "epoch,loss\n1,0.5\n", "has 1 of the stage's 5 epochs"),
        ("history.csv", "epoch,test_accuracy\n1,250\n", "line 2: test_accuracy: '250' is not"),
    ],
)
def test_damaged_file_is_named(run, name, text, message):
    folder, _ = run
    write_text(folder / name, text)
    recorded(folder)
    refused(folder, f"{folder / name}: {message}")


def test_weights_of_another_network_are_named(run):
    folder, _ = run
    save_checkpoint(folder / "weights.pt", {"head.weight": torch.zeros(2, 2)})
    recorded(folder)
    refused(folder, f"{folder / 'weights.pt'}: these weights are of another network")


def test_provenance_of_something_else_is_named(run):
    folder, _ = run
    write_text(folder / "stage.json", "{}")
    refused(folder, f"{folder / 'stage.json'}: stage: Field required. It is not the provenance")


def test_stage_without_a_classifier_is_refused(run):
    folder, _ = run
    effective(folder / "config.json", "kcl", "pretrain")
    recorded(folder, stage="pretrain")
    refused(folder, f"{folder / 'weights.pt'}: stage 'pretrain' of kcl leaves no classifier")
