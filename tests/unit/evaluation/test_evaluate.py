import json

import numpy as np
import pytest
import torch
from scripts import REPO, run

from cogloat.config.load import run_config
from cogloat.config.parse import dump
from cogloat.data.longtail import write_split
from cogloat.data.store import Images, write_store
from cogloat.files import sha256, write_json
from cogloat.training.checkpoint import save_checkpoint
from cogloat.training.networks import build_classifier
from cogloat.training.provenance import write_history

CLASSES, EACH, LAST = 10, 3, 40.0
COUNTS = [60, 60, 50, 30, 20, 10, 10, 9, 2, 1]


def evaluate(folder, **changed):
    paths = {
        "config": folder / "config.json",
        "weights": folder / "weights.pt",
        "history": folder / "history.csv",
        "provenance": folder / "stage.json",
        "store": folder / "store",
        "split": folder / "split.csv",
        "metrics": folder / "metrics.json",
        "output-provenance": folder / "provenance.json",
    } | changed
    files = [part for name, path in paths.items() for part in (f"--{name}", path)]
    return run("evaluate.py", *files, "--many-above", 50, "--few-below", 10, "--device", "cpu")


@pytest.fixture
def stage(tmp_path):
    """The files of a finished one-stage run on random images, and its classifier."""
    draw = np.random.default_rng(0)
    labels = {"train": np.repeat(np.arange(CLASSES), 60), "test": np.arange(CLASSES).repeat(EACH)}
    parts = {
        split: Images(draw.integers(0, 256, (len(own), 3, 8, 8), np.uint8), own)
        for split, own in labels.items()
    }
    write_store(tmp_path / "store", parts, [str(label) for label in range(CLASSES)])
    chosen = np.concatenate([60 * label + np.arange(n) for label, n in enumerate(COUNTS)])
    write_split(tmp_path / "split.csv", chosen, labels["train"][chosen])
    config = run_config(REPO / "config", "digits", 60, "ce", 0, "train")
    (tmp_path / "config.json").write_text(dump(config))
    torch.manual_seed(0)
    classifier = build_classifier(config)
    save_checkpoint(tmp_path / "weights.pt", classifier.state_dict())
    rows = [20.0, 50.0, None, 50.0, LAST]
    write_history(
        tmp_path / "history.csv",
        [{"epoch": epoch, "lr": 0.1, "test_accuracy": row} for epoch, row in enumerate(rows, 1)],
    )
    origin = {
        "stage": "train",
        "epochs": 5,
        "augmentations": ["weak"],
        "configuration": sha256(tmp_path / "config.json"),
        "split": sha256(tmp_path / "split.csv"),
    }
    write_json(tmp_path / "stage.json", origin)
    return tmp_path, classifier, config.data, parts["test"]


def test_metrics_are_those_of_one_image_at_a_time_and_say_where_they_come_from(stage):
    folder, classifier, data, test = stage
    done = evaluate(folder)
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "metrics.json").read_text())
    classifier.eval()
    hits = [0] * CLASSES
    for image, label in zip(test.images_NCHW, test.labels_N, strict=True):
        pixels = [(image[c] / 255 - data.mean[c]) / data.std[c] for c in range(3)]
        scores = classifier(torch.tensor(np.stack(pixels), dtype=torch.float32)[None])
        hits[label] += int(scores.argmax() == label)
    assert found["accuracy"] == pytest.approx(100 * sum(hits) / len(test.labels_N))
    assert found["per_class"] == pytest.approx([100 * hit / EACH for hit in hits])
    assert found["many"] == pytest.approx(100 * sum(hits[:2]) / (2 * EACH))
    assert found["medium"] == pytest.approx(100 * sum(hits[2:7]) / (5 * EACH))
    assert found["few"] == pytest.approx(100 * sum(hits[7:]) / (3 * EACH))
    assert (found["best_accuracy"], found["best_epoch"]) == (50.0, 2)
    assert (found["class_counts"], found["epochs"]) == (COUNTS, {"train": 5})
    assert found["augmentations"] == {"train": ["weak"]}
    assert found["split_sha256"] == sha256(folder / "split.csv")
    assert f"warning: {folder / 'history.csv'} ends with {LAST:.2f} %" in done.stderr
    provenance = json.loads((folder / "provenance.json").read_text())
    assert [own["stage"] for own in provenance["stages"]] == ["train"]
    assert provenance["evaluation"]["weights"] == sha256(folder / "weights.pt")


def damage(folder, name):
    """Give one file of the run a mistake of a user; return the arguments that change."""
    path = folder / name
    match name:
        case "weights.pt":
            path.write_bytes(path.read_bytes()[:1000])
        case "foreign.pt":
            save_checkpoint(path, {"head.weight": torch.zeros(2, 2)})
            return {"weights": path}
        case "history.csv":
            path.write_text("epoch,loss\n1,0.5\n")
        case "stage.json":
            path.write_text("[]")
        case "split.csv":
            path.write_text("index,label\n0,0\n60,1\n")
        case "config.json":
            path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
        case "store/store.json" | "store/test_labels.npy":
            path.unlink()
    return {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.pt", "the weights file is truncated, corrupt or not a checkpoint"),
        ("foreign.pt", "these weights are of another network"),
        ("history.csv", "not the history of a classifier"),
        ("stage.json", "not the provenance of a stage"),
        ("split.csv", "the run was trained with another split"),
        ("config.json", "the run was trained with another configuration"),
        ("store/store.json", "no such store"),
        ("store/test_labels.npy", "no such file"),
    ],
)
def test_damaged_or_foreign_file_is_named_and_nothing_is_written(stage, name, message):
    folder, *_ = stage
    done = evaluate(folder, **damage(folder, name))
    assert done.returncode == 2
    assert f"error: {folder / name}: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "metrics.json").exists()
    assert not (folder / "provenance.json").exists()


def test_store_with_another_number_of_classes_is_named(stage):
    folder, *_ = stage
    part = Images(np.zeros((4, 3, 8, 8), np.uint8), np.array([0, 0, 1, 1]))
    write_store(folder / "other", {"train": part, "test": part}, ["a", "b"])
    done = evaluate(folder, store=folder / "other")
    assert done.returncode == 2
    assert f"error: {folder / 'other'}: the labels are not those of 10 classes" in done.stderr
    assert not (folder / "metrics.json").exists()


def test_stage_without_a_classifier_is_refused(stage):
    folder, *_ = stage
    config = run_config(REPO / "config", "digits", 60, "kcl", 0, "pretrain")
    (folder / "config.json").write_text(dump(config))
    done = evaluate(folder)
    assert done.returncode == 2
    assert "stage 'pretrain' leaves no classifier" in done.stderr
