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
    assert list(table["group"]) == ["many", "medium", "all", "group_mean"]
    many, medium, everything, mean = table.to_dict("records")
    assert (many["mean"], many["std"]) == (82, statistics.stdev([80, 82, 84]))
    assert (many["seeds"], many["values"]) == ("0 1 2", "82.0 80.0 84.0")
    assert (many["classes"], medium["classes"], everything["classes"]) == (1, 1, 2)
    assert (medium["mean"], everything["mean"], mean["mean"]) == (70, 77, 75)


def test_printed_numbers_stand_beside_their_group():
    row = {"group": "many", "method": "kcl", "dataset": "cifar10", "factor": 100}
    printed = pd.DataFrame([row | {"mean": 80.5, "std": 0.1}], columns=[*KEYS, *NUMBERS])
    table = groups_table(RUNS, LABELS, printed, 0.95)
    assert table["difference"].notna().tolist() == [True, False, False, False]
    assert table["difference"][0] == pytest.approx(1.5)
    text = to_markdown(sheets(table, {"cifar10": "CIFAR-10-LT"}))
    assert "| many | KCL | 82.0 ± 2.0 (paper 80.5, +1.5) |" in text
    assert "| medium | KCL | 70.0 ± 0.0 |" in text


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
    assert list(written["mean"]) == [82, 70, 77, 75]
    assert "CIFAR-10-LT IF 100" in outputs["markdown"].read_text()
