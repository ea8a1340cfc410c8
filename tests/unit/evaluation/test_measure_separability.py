"""measure_separability.py and its table: the rarest classes' projections on the test set."""

import csv

import numpy as np
import pytest
import torch
from artefacts import CONFIG, EACH, command_line, effective, store_and_split

import measure_separability
import tabulate_separability
from cogloat.checkpoint import save_checkpoint
from cogloat.data.imageset import load_test_set
from cogloat.errors import UserError
from cogloat.evaluation.separability import knn_accuracy, silhouette
from cogloat.files import sha256
from cogloat.models.inference import outputs
from cogloat.models.networks import build_encoder
from cogloat.results.separability import Separability

RAREST = [9, 8, 7]  # by artefacts.COUNTS


@pytest.fixture
def encoder(tmp_path):
    store_and_split(tmp_path)
    config = effective(tmp_path / "config.json", "kcl", "pretrain", seed=3)
    torch.manual_seed(0)
    network = build_encoder(config.backbone, config.settings.projection)
    save_checkpoint(tmp_path / "weights.pt", network.state_dict())
    return tmp_path, config, network


def measure(folder, **changes):
    known = {
        "config": folder / "config.json",
        "weights": folder / "weights.pt",
        "store": folder / "store",
        "split": folder / "split.csv",
        "classes": len(RAREST),
        "output": folder / "separability3.json",
        "device": "cpu",
    }
    measure_separability.main(command_line(**known | changes))
    return Separability.read(folder / "separability3.json")


def test_numbers_are_of_the_projections_of_the_rarest_classes_test_images(encoder):
    folder, config, network = encoder
    found = measure(folder)
    assert (found.dataset, found.factor, found.method, found.seed) == ("digits", 60, "kcl", 3)
    assert found.split_sha256 == sha256(folder / "split.csv")
    assert (found.labels, found.images) == (tuple(RAREST), len(RAREST) * EACH)
    test = load_test_set(folder / "store", config.data, torch.device("cpu"))
    chosen = np.isin(test.labels_N.numpy(), RAREST)
    features = outputs(network, test, config.data).numpy()[chosen]
    labels = test.labels_N.numpy()[chosen]
    assert found.silhouette == pytest.approx(silhouette(features, labels), abs=1e-4)
    assert found.knn_accuracy == pytest.approx(knn_accuracy(features, labels, 5))


@pytest.mark.parametrize(
    ("classes", "message"), [(1, "--classes 1: there are 10"), (11, "--classes 11: there are 10")]
)
def test_number_of_classes_that_is_none_is_refused(encoder, classes, message):
    with pytest.raises(UserError, match=message):
        measure(encoder[0], classes=classes)


def run(method="kcl", seed=0, **changes):
    own = {"dataset": "digits", "factor": 100, "method": method, "seed": seed}
    numbers = {"silhouette": 0.25 + seed / 10, "knn_accuracy": 80.0 + seed}
    known = {"split_sha256": "a" * 64, "labels": (9, 8), "images": 70}
    return Separability(**own | numbers | known | changes)


def test_table_has_a_row_a_measure_and_method_that_claims_can_name(tmp_path):
    files = []
    for one in (run(), run(seed=1), run("kcl_adaptive")):
        files.append(tmp_path / f"{one.method}{one.seed}.json")
        one.write(files[-1])
    outputs = {"output": tmp_path / "apart.csv", "markdown": tmp_path / "apart.md"}
    tabulate_separability.main(command_line(separability=files, config=CONFIG, **outputs))
    text = (tmp_path / "apart.md").read_text()
    assert "| Silhouette | KCL | 0.300 ± 0.071 |" in text
    assert "| Nearest neighbours' accuracy (%) | KCL + adaptive temperature | 80.0 |" in text
    assert "of the 2 rarest classes" in text
    with (tmp_path / "apart.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["metric"], row["method"]) for row in rows] == [
        (metric, method)
        for metric in ("silhouette", "knn_accuracy")
        for method in ("kcl", "kcl_adaptive")
    ]
    assert {(row["classes"], row["images"]) for row in rows} == {("9 8", "70")}
    assert list(rows[0])[:4] == ["metric", "method", "dataset", "factor"]
    assert [float(value) for value in rows[0]["values"].split()] == [0.25, 0.35]


def test_damaged_measure_is_named_with_the_fix(tmp_path):
    run().write(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text().replace("0.25", "1.5")
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UserError, match=r"silhouette: .*\. Measure the run again\."):
        Separability.read(tmp_path / "run.json")
