"""The figure of readings: what stands in its rows, and what it refuses."""

import csv
import itertools
import math
from pathlib import Path
from statistics import mean

import pandas as pd
import pytest
from artefacts import CONFIG, metrics
from drawing import refused, twice_the_same

from cogloat.files import write_text
from cogloat.reporting.accuracy import accuracy_table
from cogloat.reporting.features import KEYS, every_measure, feature_table
from cogloat.reporting.figures.readings import (
    compare,
    draw,
    printed_ratios,
    read_accuracies,
    read_columns,
)
from cogloat.reporting.gradients import gradient_table
from cogloat.reporting.layout import to_csv
from cogloat.reporting.leaks import leak_table
from cogloat.results.features import Features, Measures, Spaces
from cogloat.results.gradients import PARTS, Gradients
from cogloat.results.leak import Leak
from cogloat.results.printed import ACCURACY, read_printed
from cogloat.runs.collections import FeatureConvention
from plot_readings import main

pytestmark = pytest.mark.slow

PAPER = CONFIG / "paper" / "table1.csv"
LABELS = {
    "ce": "CE",
    "kcl": "KCL",
    "cogloat": "CoGloAT",
    "reading_head": "Head",
    "reading_base": "Base",
}
RUN = {"dataset": "cifar10", "factor": 100, "split_sha256": "a" * 64}
CONVENTION = FeatureConvention(images="train", space="projection", pairs="unordered")
# by seed; the others' differences to the first are 2, 4 and -1, -1
HELD_OUT = {"cogloat": (70.0, 71.0), "reading_head": (69.0, 70.0), "reading_base": (72.0, 75.0)}


def accuracies(values, images="validation", **changes):
    runs = [
        metrics(
            method=method, seed=seed, validation_accuracy=own, judged_by="validation", **changes
        )
        for method, each in values.items()
        for seed, own in enumerate(each)
    ]
    printed = read_printed(None, numbers=ACCURACY)
    return accuracy_table(runs, LABELS, dict.fromkeys(LABELS, "MoCo"), printed, 0.95, images)


def spaces():
    def of(variance):
        known = dict.fromkeys(Measures.model_fields, 1.5)
        measured = Measures(**known | {"variance": variance})
        return Spaces(projection=measured, backbone=measured)

    variances = {"kcl": (0.5, 0.25), "cogloat": (0.4, 0.3), "reading_head": (0.6, 0.6)}
    runs = [
        Features(**RUN, method=method, seed=seed, train=of(own), test=of(9.0))
        for method, each in variances.items()
        for seed, own in enumerate(each)
    ]
    printed = read_printed(None, KEYS)
    return feature_table(every_measure(runs, 0.95), CONVENTION, LABELS, printed)


def gradients():
    runs = [
        Gradients(
            **RUN,
            **{"method": method, "seed": 0, "classes": ("a", "b"), "class_counts": (500, 5)},
            **{"groups": ("many", "few"), "temperature": (0.1, 0.1)},
            **dict.fromkeys(PARTS, (9.0, 9.0)) | {"total": total},
        )
        for method, total in (("kcl", (4.0, 8.0)), ("cogloat", (2.0, 16.0)))
    ]
    return gradient_table(runs, LABELS, 0.95)


def leaks():
    runs = [
        Leak(**RUN, method=method, seed=0, batch=80.0, running=running)
        for method, running in (("cogloat", 70.0), ("reading_head", 75.0))
    ]
    return leak_table(runs, LABELS, 0.95)


@pytest.fixture
def flags(tmp_path):
    """The command line with a table of each kind."""
    tables = {"scales": accuracies(HELD_OUT), "spaces": spaces(), "leaks": leaks()}
    tables["pull"] = gradients()
    for name, table in tables.items():
        write_text(tmp_path / f"{name}.csv", to_csv(table))
    kinds = {"accuracy": "scales", "features": "spaces", "leaks": "leaks"}
    kinds["gradients"] = "pull"
    return {
        **{kind: tmp_path / f"{name}.csv" for kind, name in kinds.items()},
        **{"config": CONFIG, "dataset": "cifar10", "factor": 100, "numbers": "readings.csv"},
        "images": "validation",
        **{"printed": PAPER, "printed_dataset": "cifar10"},
        "printed_methods": ["cogloat_proco", "kcl"],
    }


def numbers(folder, flags):
    """Draw; return (method, measure, of) -> the line of the numbers."""
    files = twice_the_same(main, folder, **flags)
    assert sorted(files) == ["figure.pdf", "figure.png", "readings.csv"]
    rows = list(csv.DictReader(files["readings.csv"].decode().splitlines()))
    return {(row["method"], row["measure"], row["of"]): row for row in rows}


def test_methods_are_compared_with_the_first_one_seed_by_seed(tmp_path, flags):
    found = numbers(tmp_path, flags)
    row = found["reading_base", "accuracy", "difference"]
    assert (row["group"], row["label"], row["reference"]) == ("scales", "Base", "cogloat")
    assert (row["seeds"], row["values"], float(row["mean"])) == ("0 1", "2.0 4.0", 3)
    assert float(row["interval"]) == pytest.approx(12.7062, abs=1e-3)  # t of 1, times 1
    assert found["reading_head", "accuracy", "difference"]["std"] == "0.0"
    value = found["cogloat", "accuracy", "value"]
    assert float(value["mean"]) == 70.5  # of the held-out images; 77 is the test set's
    order = list(dict.fromkeys(method for method, _, _ in found))
    assert order == ["cogloat", "reading_base", "reading_head"]


def test_measures_of_the_encoders_are_over_those_of_their_own_first_method(tmp_path, flags):
    found = numbers(tmp_path, flags)
    row = found["cogloat", "variance", "ratio"]
    assert row["reference"] == "kcl"
    assert float(row["mean"]) == pytest.approx(mean([0.4 / 0.5, 0.3 / 0.25]))
    assert float(row["printed"]) == pytest.approx(0.61 / 0.65)
    assert float(found["cogloat", "inter", "ratio"]["printed"]) == pytest.approx(0.73 / 0.70)
    assert found["reading_head", "leak", "value"]["values"] == "5.0"
    assert float(found["cogloat", "total_many", "ratio"]["mean"]) == 2 / 4
    assert float(found["cogloat", "total_few", "ratio"]["mean"]) == 16 / 8
    # no encoder of its own is measured
    assert not [key for key in found if key[0] == "reading_base" and key[1] != "accuracy"]


def test_measure_of_a_reference_that_is_zero_has_no_ratio():
    table = spaces()
    table.loc[table["method"] == "kcl", "values"] = "0.0 0.25"
    columns = read_columns({"features": written(table)}, "cifar10", 100)
    groups = {"scales": read(accuracies(HELD_OUT))}
    found = compare(groups, columns, {}, 0.95)
    row = found[(found["method"] == "cogloat") & (found["measure"] == "variance")].iloc[0]
    assert (row["seeds"], row["values"]) == ("1", repr(0.3 / 0.25))
    assert math.isnan(row["std"])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where `read` writes."""
    monkeypatch.chdir(tmp_path)


def written(table):
    path = Path("table.csv")
    write_text(path, to_csv(table))
    return path


def read(table):
    return read_accuracies(written(table), "cifar10", 100, "validation")


def test_measure_that_is_not_there_has_no_panel(tmp_path, flags):
    for name in ("spaces", "pull"):
        path = tmp_path / f"{name}.csv"
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(("inter,", "total,few,"))]
        path.write_text("".join(kept))
    found = numbers(tmp_path, flags)
    assert {measure for _, measure, _ in found} == {"accuracy", "variance", "total_many", "leak"}
    groups = {"scales": read(accuracies({"ce": (1.0, 2.0)}))}
    columns = read_columns({"features": written(spaces())}, "cifar10", 100)
    figure = draw(compare(groups, columns, {}, 0.95), list(columns), "Digits", "Accuracy")
    assert len(figure.axes) == 1  # no encoder of these methods is measured


def test_colour_says_what_the_interval_leaves_no_doubt_of():
    values = {"cogloat": (70.0, 71.0), "reading_head": (69.0, 70.0), "reading_base": (75.0, 76.1)}
    values["kcl"] = (70.0, 72.0)
    table = compare({"scales": read(accuracies(values))}, {}, {}, 0.95)
    axes = draw(table, [], "Digits", "Accuracy").axes[0]
    inks = [line.get_color() for line in axes.lines if line.get_marker() == "o"]
    black, green, red = "#000000", "#009E73", "#D55E00"
    assert inks == [black, green, black, red]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        *("scales", "CoGloAT", "Base", "KCL", "Head"),
    ]
    assert [text.get_text() for text in axes.texts] == ["70.5 %"]


def test_many_rows_stay_apart():
    labels = {f"reading_{n}": f"Reading {n}" for n in range(30)}
    table = accuracies(dict.fromkeys(LABELS, (70.0, 71.0)))
    many = [table.iloc[[0]].assign(method=name, label=own) for name, own in labels.items()]
    found = compare({"all": read(pd.concat(many))}, {}, {}, 0.95)
    figure = draw(found, [], "Digits", "Accuracy")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert len(boxes) == 31
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in itertools.pairwise(boxes))


def test_paper_without_a_number_at_the_factor_has_no_ratio():
    printed = read_printed(PAPER, KEYS)
    assert printed_ratios(printed, "cifar10", 200, "cogloat_proco", "kcl") == {}
    found = printed_ratios(printed, "cifar100", 10, "cogloat_proco", "kcl")
    assert found["variance"] == pytest.approx(0.60 / 0.63)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"dataset": "digits"},
            "{accuracy}: has nothing of digits IF 100 on validation images. Name",
        ),
        (
            {"printed_dataset": "digits"},
            "{printed}: there is no number of 'cogloat_proco'",
        ),
        ({"printed_methods": ["kcl", "tsc"]}, "{printed}: there is no number of 'tsc' on"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, flags, change, message):
    refused(main, tmp_path, message.format(**flags), **flags | change)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("scales", "0 1,70.0 71.0", "0 1,70.0", "line 2: there are not as many values as seeds"),
        ("scales", "reading_head", "cogloat", "line 3: cogloat is there twice"),
        ("scales", "0 1,70.0 71.0", "2 3,70.0 71.0", "reading_head has no seed of cogloat"),
        ("scales", "0 1,70.0 71.0", "0 1,70.0 x", "line 2: values: 'x' is not a number"),
        (
            "spaces",
            "cifar10,100",
            "cifar10,10",
            "has nothing of cifar10 IF 100 that is shown. Name",
        ),
    ],
)
def test_damaged_table_is_named(tmp_path, flags, name, old, new, message):
    path = tmp_path / f"{name}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    refused(main, tmp_path, f"{path}: {message}", **flags)


def test_every_accuracy_table_is_a_group(tmp_path, flags):
    write_text(tmp_path / "first.csv", to_csv(accuracies({"kcl": (60.0, 61.0)})))
    flags["accuracy"] = [tmp_path / "first.csv", f"--accuracy={flags['accuracy']}"]
    found = numbers(tmp_path, flags)
    assert [row["group"] for row in found.values() if row["of"] == "difference"] == [
        *("first", "scales", "scales", "scales")
    ]


def test_accuracies_of_other_images_are_not_drawn_together(tmp_path, flags):
    write_text(tmp_path / "tested.csv", to_csv(accuracies(HELD_OUT, images="test")))
    flags["accuracy"] = [flags["accuracy"], f"--accuracy={tmp_path / 'tested.csv'}"]
    message = f"{tmp_path / 'tested.csv'}: has nothing of cifar10 IF 100 on validation images"
    refused(main, tmp_path, message, **flags)


def test_of_a_table_of_the_test_set_its_accuracies_are_drawn(tmp_path, flags):
    write_text(tmp_path / "scales.csv", to_csv(accuracies(HELD_OUT, images="test")))
    found = numbers(tmp_path, flags | {"images": "test"})
    assert float(found["cogloat", "accuracy", "value"]["mean"]) == 77
