"""Table 1: which convention stands beside the printed numbers, and the others in a file."""

import csv
import json
import math
import statistics

import pytest
from scripts import REPO, run

from cogloat.config.workflow import FeatureConvention
from cogloat.reporting.features import PRINTED, every_measure, feature_table
from cogloat.reporting.printed import read_printed

MEASURES = ("intra_ordered", "intra_unordered", "variance", "inter", "improved_inter")
PAPER = REPO / "config" / "paper" / "table1.csv"
LABELS = {"kcl": "KCL", "cogloat_proco": "CoGloAT + ProCo"}


def measured(method="kcl", seed=0, shift=0.0, **changes):
    """Every number is another one, so that none can stand for another."""
    numbers = iter(range(1, 100))
    sets = {
        images: {
            space: {name: next(numbers) / 100 + shift for name in MEASURES}
            for space in ("projection", "backbone")
        }
        for images in ("train", "test")
    }
    run = {"method": method, "dataset": "cifar10", "factor": 100, "seed": seed}
    return {**run, "split_sha256": "a" * 64, **sets, **changes}


def convention(images="train", space="projection", pairs="unordered"):
    return FeatureConvention(images=images, space=space, pairs=pairs)


def table_of(runs, **chosen):
    measures = every_measure(runs, 0.95)
    return feature_table(measures, convention(**chosen), LABELS, read_printed(PAPER, PRINTED))


@pytest.mark.parametrize(
    ("chosen", "intra"),
    [
        ({}, 0.02),
        ({"pairs": "ordered"}, 0.01),
        ({"space": "backbone"}, 0.07),
        ({"images": "test"}, 0.12),
        ({"images": "test", "space": "backbone", "pairs": "ordered"}, 0.16),
    ],
)
def test_the_convention_decides_which_number_stands_beside_the_printed_one(chosen, intra):
    table = table_of([measured()], **chosen).set_index("metric")
    assert list(table.index) == ["intra", "variance", "inter", "improved_inter"]
    assert table.loc["intra", "mean"] == pytest.approx(intra)
    assert table.loc["intra", "paper_mean"] == 0.43
    assert table.loc["intra", "difference"] == pytest.approx(intra - 0.43)
    assert table.loc["variance", "paper_mean"] == 0.65


def test_mean_deviation_and_interval_over_seeds():
    values = [0.0, 0.1, 0.5]
    runs = [measured(seed=seed, shift=shift) for seed, shift in enumerate(values)]
    row = table_of(runs).iloc[0]
    assert row["mean"] == pytest.approx(0.02 + statistics.mean(values))
    assert row["std"] == pytest.approx(statistics.stdev(values))
    assert row["interval"] == pytest.approx(
        4.303 * statistics.stdev(values) / math.sqrt(3), rel=1e-3
    )
    assert row["seeds"] == "0 1 2"


def test_methods_stand_side_by_side_for_each_measure():
    table = table_of([measured("kcl"), measured("cogloat_proco")])
    assert list(table["method"]) == ["kcl", "cogloat_proco"] * 4
    assert list(table["label"])[:2] == ["KCL", "CoGloAT + ProCo"]


def test_measure_that_is_not_defined_is_left_out():
    run = measured()
    run["train"]["projection"]["improved_inter"] = None
    assert "improved_inter" not in set(table_of([run])["metric"])


def tabulate(folder, *features):
    return run(
        *("tabulate_features.py", "--features", *features, "--config", REPO / "config"),
        *("--paper", PAPER, "--images", "train", "--space", "projection", "--pairs", "unordered"),
        *("--output", folder / "table1.csv", "--markdown", folder / "table1.md"),
        *("--conventions", folder / "conventions.csv"),
    )


def test_script_writes_the_table_and_every_convention(tmp_path):
    (tmp_path / "features.json").write_text(json.dumps(measured()))
    done = tabulate(tmp_path, tmp_path / "features.json")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "conventions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * len(MEASURES)
    assert {row["metric"] for row in rows} == set(MEASURES)
    text = (tmp_path / "table1.md").read_text()
    assert "| Intra alignment | KCL | 0.02 (paper 0.43, -0.41) |" in text
    assert "Features of the training images, space: projection; unordered pairs" in text


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({**measured(), "train": 3})])
def test_damaged_measures_are_named_and_nothing_is_written(tmp_path, text):
    (tmp_path / "features.json").write_text(text)
    done = tabulate(tmp_path, tmp_path / "features.json")
    assert done.returncode == 2
    assert f"error: {tmp_path / 'features.json'}: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "table1.csv").exists()
