"""Whether runs are as they are known to be."""

import pandas as pd
import pytest
from artefacts import CONFIG, command_line, metrics
from scripts import run

import tabulate_acceptance
from cogloat.errors import UserError
from cogloat.reporting.acceptance import acceptance_table, sheets
from cogloat.reporting.layout import to_markdown
from cogloat.runs.collections import Difference
from cogloat.runs.files import Expectation

LABELS = {"ce": "CE", "ldam": "LDAM", "ldam_drw": "LDAM-DRW"}
KNOWN = {
    "ce": {"cifar10_if100": Expectation(mean=71.2, window=(68.5, 73.5), source="re-runs")},
    "ldam": {"cifar10_if100": Expectation(mean=73.4, source="published")},
}
MORE = [Difference(method="ldam_drw", less="ce", window=(3.5, 8.5))]


def of(method, accuracy, **changes):
    return metrics(method=method, accuracy=accuracy, **changes)


def verdicts(*runs):
    """Return label -> verdict, of seed 0."""
    table = acceptance_table(runs, LABELS, KNOWN, MORE)
    return dict(zip(table["label"], table["verdict"], strict=True))


@pytest.mark.parametrize(
    ("accuracy", "verdict"),
    [(68.5, "holds"), (73.5, "holds"), (68.49, "fails"), (73.51, "fails")],
)
def test_run_is_held_against_the_window_of_its_method_ends_included(accuracy, verdict):
    assert verdicts(of("ce", accuracy)) == {"CE": verdict}


def test_method_without_a_window_is_shown_and_not_judged():
    (row,) = acceptance_table([of("ldam", 20.0)], LABELS, KNOWN, MORE).to_dict("records")
    assert (row["verdict"], row["expected"], row["value"]) == ("no window", 73.4, 20.0)


def test_window_is_of_its_very_data_and_a_difference_of_any():
    """Another drawing of CIFAR-10 has other accuracies, but the same differences."""
    runs = [of("ce", 10.0, dataset="images"), of("ldam_drw", 16.0, dataset="images")]
    found = {"CE": "no window", "LDAM-DRW": "no window", "LDAM-DRW less CE": "holds"}
    assert verdicts(*runs) == found
    assert verdicts(runs[0], of("ldam_drw", 13.4, dataset="images")) == found | {
        "LDAM-DRW less CE": "fails"
    }


def test_difference_is_of_one_seed_and_where_one_run_is_missing_there_is_none():
    runs = [of("ce", 70.0), of("ldam_drw", 75.0, seed=1), of("ce", 71.0, seed=1)]
    table = acceptance_table(runs, LABELS, KNOWN, MORE)
    pairs = table[table["less"] == "ce"]
    assert pairs[["seed", "value", "verdict"]].to_numpy().tolist() == [[1, 4.0, "holds"]]


def test_sheet_counts_what_was_judged():
    table = acceptance_table(
        [of("ce", 70.0), of("ldam", 70.0), of("ldam_drw", 71.0)], LABELS, KNOWN, MORE
    )
    text = to_markdown(sheets(table, {"cifar10": "CIFAR-10-LT"}))
    assert "| CE | CIFAR-10-LT IF 100 | 0 | 70.00 | 71.2 | 68.5 to 73.5 | holds |" in text
    assert "| LDAM-DRW less CE | CIFAR-10-LT IF 100 | 0 | 1.00 |  | 3.5 to 8.5 | fails |" in text
    assert "1 of 2 windows hold." in text


def test_script_reads_the_windows_of_the_shipped_methods(tmp_path):
    files = []
    for one in (of("ce", 71.0), of("ldam_drw", 77.0)):
        files.append(tmp_path / f"{one.method}.json")
        one.write(files[-1])
    outputs = {"output": tmp_path / "table.csv", "markdown": tmp_path / "table.md"}
    arguments = command_line(metrics=files, config=CONFIG, **outputs)
    tabulate_acceptance.main([*arguments, "--difference", "ldam_drw", "ce", "3.5", "8.5"])
    table = pd.read_csv(outputs["output"])
    assert table["verdict"].tolist() == ["holds", "holds", "holds"]
    assert table["low"].tolist() == [68.5, 75.5, 3.5]
    assert "3 of 3 windows hold." in outputs["markdown"].read_text()


@pytest.mark.parametrize("window", [("8", "3"), ("three", "8")])
def test_difference_that_is_none_is_refused(tmp_path, window):
    of("ce", 71.0).write(tmp_path / "ce.json")
    outputs = {"output": tmp_path / "table.csv", "markdown": tmp_path / "table.md"}
    arguments = command_line(metrics=tmp_path / "ce.json", config=CONFIG, **outputs)
    with pytest.raises(UserError, match=f"--difference ce ce {window[0]}.*Give two methods"):
        tabulate_acceptance.main([*arguments, "--difference", "ce", "ce", *window])
    assert not outputs["output"].exists()


def test_help_says_what_it_does():
    assert "as they are known to be" in run("tabulate_acceptance.py", "--help").stdout
