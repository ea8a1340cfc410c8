"""Accuracies by group of classes, beside printed ones."""

import statistics

import pandas as pd
import pytest
from artefacts import command_line, metrics
from scripts import REPO

import tabulate_groups
from cogloat.reporting.groups import KEYS, groups_table, sheets
from cogloat.reporting.layout import to_markdown
from cogloat.results.printed import NUMBERS, read_printed

NOTHING = read_printed(None, KEYS)
LABELS = {"kcl": "KCL", "ce": "CE"}
RUNS = [
    metrics(seed=seed, many=many, accuracy=many - 5)
    for seed, many in ((1, 80.0), (0, 82.0), (2, 84.0))
]


def test_row_is_a_group_of_a_method_and_a_group_without_classes_has_none():
    table = groups_table(RUNS, LABELS, NOTHING, 0.95)
    assert list(table["group"]) == ["many", "medium", "all", "group_mean", "all_best_on_test"]
    many, medium, everything, mean, best = table.to_dict("records")
    assert (many["mean"], many["std"]) == (82, statistics.stdev([80, 82, 84]))
    assert (many["seeds"], many["values"]) == ("0 1 2", "82.0 80.0 84.0")
    assert (many["classes"], medium["classes"], everything["classes"]) == (1, 1, 2)
    assert (medium["mean"], everything["mean"], mean["mean"]) == (70, 77, 75)
    assert (best["mean"], best["classes"]) == (RUNS[0].best_accuracy, 2)


def test_the_best_epochs_column_says_what_it_is_judged_by():
    judged = [run.model_copy(update={"judged_by": "validation"}) for run in RUNS]
    other = [run.model_copy(update={"method": "ce"}) for run in RUNS]
    table = groups_table([*judged, *other], LABELS, NOTHING, 0.95)
    best = table[table["group"].str.startswith("all_best")]
    assert list(zip(best["group"], best["method"], strict=True)) == [
        ("all_best_on_validation", "kcl"),
        ("all_best_on_test", "ce"),
    ]
    (sheet,) = sheets(table, {"cifar10": "CIFAR-10-LT"}, NOTHING)
    assert sheet.heads[-2:] == ["All, best on validation", "All, best on test"]
    assert [row[-2:] for row in sheet.rows] == [["78.0 ± 0.0", ""], ["", "78.0 ± 0.0"]]


def test_printed_numbers_stand_beside_their_group():
    row = {"group": "many", "method": "kcl", "dataset": "cifar10", "factor": 100}
    printed = pd.DataFrame([row | {"mean": 80.5, "std": 0.1}], columns=[*KEYS, *NUMBERS])
    table = groups_table(RUNS, LABELS, printed, 0.95)
    assert table["difference"].notna().tolist() == [True, False, False, False, False]
    assert table["difference"][0] == pytest.approx(1.5)
    text = to_markdown(sheets(table, {"cifar10": "CIFAR-10-LT"}, printed))
    assert "| CIFAR-10-LT IF 100 | Many | Medium | All | Group mean | All, best on test |" in text
    assert "| KCL | 82.0 ± 2.0 (paper 80.5, +1.5) | 70.0 ± 0.0 | 77.0 ± 2.0 |" in text


def test_what_is_printed_of_methods_that_were_not_run_stands_below():
    row = {"group": "many", "method": "kcl_rerun", "dataset": "cifar10", "factor": 100}
    printed = pd.DataFrame([row | {"mean": 59.5, "std": None}], columns=[*KEYS, *NUMBERS])
    table = groups_table(RUNS, LABELS, printed, 0.95)
    (sheet,) = sheets(table, {"cifar10": "CIFAR-10-LT"}, printed)
    assert sheet.rows[-1] == ["kcl_rerun, printed", "paper 59.5", "", "", "", ""]


def test_script_writes_both_files(tmp_path):
    files = []
    for run in RUNS:
        files.append(tmp_path / f"{run.seed}.json")
        run.write(files[-1])
    outputs = {"output": tmp_path / "groups.csv", "markdown": tmp_path / "groups.md"}
    paper = REPO / "config/paper/table3.csv"
    config = REPO / "config"
    tabulate_groups.main(command_line(metrics=files, config=config, printed=paper, **outputs))
    written = pd.read_csv(outputs["output"])
    assert list(written["mean"]) == [82, 70, 77, 75, 78]
    assert "CIFAR-10-LT IF 100" in outputs["markdown"].read_text()
