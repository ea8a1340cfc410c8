import csv

import numpy as np
import pytest
import torch
from artefacts import EACH, effective, store_and_split
from drawing import refused, twice_the_same

from cogloat.checkpoint import save_checkpoint
from cogloat.data.imageset import load_test_set
from cogloat.data.longtail import write_split
from cogloat.data.rarest import rarest
from cogloat.evaluation.separability import knn_accuracy, silhouette
from cogloat.models.inference import outputs
from cogloat.models.networks import build_encoder
from cogloat.models.normalisation import grouped
from plot_embedding import main

pytestmark = pytest.mark.slow

RAREST = [9, 8, 7]  # by artefacts.COUNTS


def encoder_of(config, seed):
    torch.manual_seed(seed)
    settings = config.settings
    return build_encoder(config.backbone, settings.projection, grouped(settings.groups))


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """A store, a split and two encoders that were not trained."""
    folder = tmp_path_factory.mktemp("encoders")
    store_and_split(folder)
    for seed, method in enumerate(("kcl", "cogloat")):
        config = effective(folder / method / "config.json", method, "pretrain")
        save_checkpoint(folder / method / "weights.pt", encoder_of(config, seed).state_dict())
    effective(folder / "ce" / "config.json", "ce", "train")
    effective(folder / "other" / "config.json", "kcl", "pretrain", factor=100)
    write_split(folder / "few.csv", np.array([0, 60]), np.array([0, 1]))
    return folder


def flags(folder, methods, **changed):
    return {
        "config": [folder / name / "config.json" for name in methods],
        "weights": [folder / name / "weights.pt" for name in methods],
        "titles": [f"Of {name}, $1" for name in methods],
        "store": folder / "store",
        "split": folder / "split.csv",
        "classes": len(RAREST),
        "seed": 0,
        "numbers": "figure.csv",
        "device": "cpu",
    } | changed


def test_rarest_classes_come_first_and_of_equals_the_higher_label():
    counts = np.array([60, 60, 50, 30, 20, 10, 10, 2, 2, 1])
    assert rarest(counts, 4) == [9, 8, 7, 6]


def test_numbers_are_the_separability_of_the_rarest_classes(encoders, tmp_path):
    methods = ["kcl", "cogloat"]
    files = twice_the_same(main, tmp_path, **flags(encoders, methods))
    assert sorted(files) == ["figure.csv", "figure.pdf", "figure.png"]
    rows = list(csv.DictReader(files["figure.csv"].decode().splitlines()))
    data = effective(tmp_path / "config.json", "kcl", "pretrain").data
    test = load_test_set(encoders / "store", data, torch.device("cpu"))
    chosen = np.isin(test.labels_N.numpy(), RAREST)
    for seed, (row, method) in enumerate(zip(rows, methods, strict=True)):
        config = effective(tmp_path / "config.json", method, "pretrain")
        features = outputs(encoder_of(config, seed), test, config.data).numpy()[chosen]
        labels = test.labels_N.numpy()[chosen]
        assert float(row["silhouette"]) == pytest.approx(silhouette(features, labels), abs=1e-4)
        assert float(row["knn_accuracy"]) == pytest.approx(knn_accuracy(features, labels, 5))
        assert (row["panel"], row["method"]) == (f"Of {method}, $1", method)
        assert (row["classes"], row["images"]) == ("9 8 7", str(len(RAREST) * EACH))


@pytest.mark.parametrize(
    ("methods", "changed", "message"),
    [
        (["kcl", "ce"], {}, "{folder}/ce/weights.pt: stage 'train' of ce trains no encoder"),
        (
            ["kcl", "other"],
            {},
            "{folder}/other/config.json: dataset: digits IF 100, but {folder}/kcl/config.json is "
            "of digits IF 60",
        ),
        (["kcl"], {"titles": ["A", "B"]}, "--config has 1 files, --weights 1, --titles 2"),
        (["kcl"], {"classes": 1}, "--classes 1: there are 10. Give a number from 2 to 10."),
        (["kcl"], {"classes": 11}, "--classes 11: there are 10"),
        (["kcl"], {"split": "few.csv"}, "{folder}/few.csv: its labels are of 2 classes"),
    ],
)
def test_what_does_not_belong_together_is_refused(encoders, tmp_path, methods, changed, message):
    if "split" in changed:
        changed = {"split": encoders / changed["split"]}
    message = message.format(folder=encoders)
    refused(main, tmp_path, message, **flags(encoders, methods, **changed))
