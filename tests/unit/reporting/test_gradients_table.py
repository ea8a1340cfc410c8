"""The table of gradients: groups, spread and slope of what each class's norm is."""

import csv
import math
import statistics

import pytest
from artefacts import CONFIG, command_line
from drawing import refused, twice_the_same
from hypothesis import given, settings
from hypothesis import strategies as st

import plot_magnitudes
from cogloat.errors import UserError
from cogloat.reporting.gradients import METRICS, gradient_table, summary
from cogloat.results.gradients import PARTS, Gradients
from tabulate_gradients import main

LABELS = {"kcl": "KCL", "cogloat": "CoGloAT"}
COUNTS = (400, 200, 40, 4)
GROUPS = ("many", "many", "medium", "few")
NORMS = (4.0, 2.0, 0.4, 0.04)  # proportional to the images


def measured(method="kcl", seed=0, **changes):
    """Every norm is another one, so that none can stand for another."""
    norms = {
        part: tuple((number + 1) * norm + seed for norm in NORMS)
        for number, part in enumerate((*PARTS, "temperature"))
    }
    run = {"dataset": "digits", "factor": 100, "method": method, "seed": seed}
    classes = {"classes": tuple("abcd"), "class_counts": COUNTS, "groups": GROUPS}
    return Gradients(**{**run, "split_sha256": "a" * 64, **classes, **norms, **changes})


def test_groups_are_means_over_their_classes():
    found = summary(measured(), "positive")
    expected = {"many": 6.0, "medium": 0.8, "few": 0.08}
    assert {group: found[group] for group in expected} == pytest.approx(expected)


def test_spread_is_the_deviation_over_the_mean_of_the_classes():
    found = summary(measured(), "total")["spread"]
    assert found == pytest.approx(statistics.pstdev(NORMS) / statistics.fmean(NORMS))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(power=st.floats(-2, 2), scale=st.floats(0.01, 100))
def test_slope_is_the_power_of_the_images_that_a_norm_is(power, scale):
    norms = tuple(scale * count**power for count in COUNTS)
    found = summary(measured(total=norms), "total")
    assert found["slope"] == pytest.approx(power, abs=1e-9)
    scaled = summary(measured(total=tuple(3 * norm for norm in norms)), "total")
    assert scaled["spread"] == pytest.approx(found["spread"])


def test_classes_that_are_alike_have_neither_spread_nor_slope():
    found = summary(measured(total=(0.5,) * 4), "total")
    assert (found["spread"], found["slope"]) == (0, pytest.approx(0))


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"groups": ("many",) * 4}, {"medium", "few"}),
        ({"total": (1.0, 1.0, 1.0, 0.0)}, {"slope"}),
        ({"total": (0.0,) * 4}, {"spread", "slope"}),
        ({"class_counts": (9,) * 4}, {"slope"}),
    ],
)
def test_what_is_not_defined_is_left_out(changes, missing):
    found = summary(measured(**changes), "total")
    assert {name for name, value in found.items() if value is None} == missing
    table = gradient_table([measured(**changes)], LABELS, 0.95)
    total = table[table["metric"] == "total"]
    assert set(total["group"]) == {*found} - missing


def test_rows_have_seeds_values_mean_and_deviation_by_metric():
    runs = [measured(method, seed) for method in ("kcl", "cogloat") for seed in (1, 0)]
    table = gradient_table(runs, LABELS, 0.95)
    assert list(table["metric"].drop_duplicates()) == list(METRICS)
    row = table.set_index(["metric", "group", "method"]).loc[("negative", "many", "cogloat")]
    assert (row["seeds"], row["label"]) == ("0 1", "CoGloAT")
    assert [float(value) for value in row["values"].split()] == pytest.approx([9.0, 10.0])
    assert (row["mean"], row["std"]) == (pytest.approx(9.5), pytest.approx(math.sqrt(0.5)))


def test_run_given_twice_is_refused():
    with pytest.raises(UserError, match="seed 0 is there twice"):
        gradient_table([measured(), measured()], LABELS, 0.95)


def tabulate(folder, *runs):
    files = []
    for run in runs:
        files.append(folder / "runs" / f"{run.method}{run.seed}.json")
        run.write(files[-1])
    main(
        command_line(
            gradients=files,
            config=CONFIG,
            output=folder / "pull.csv",
            classes=folder / "pull_classes.csv",
            markdown=folder / "pull.md",
        )
    )
    return (folder / "pull.md").read_text()


def test_script_writes_the_table_and_every_class(tmp_path):
    text = tabulate(tmp_path, measured(), measured(seed=1, groups=("many",) * 3 + ("medium",)))
    assert "| Norm | Method | Digits IF 100 |" in text
    assert "| Gradient | KCL | " in text
    assert "By class: pull_classes.csv." in text
    with (tmp_path / "pull_classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(METRICS) * len(COUNTS)
    (row,) = [row for row in rows if (row["metric"], row["class"]) == ("positive", "c")]
    assert (row["train_images"], row["label"], row["seeds"]) == ("40", "2", "0 1")
    assert [float(value) for value in row["values"].split()] == pytest.approx([0.8, 1.8])


def test_group_without_a_class_is_a_dash(tmp_path):
    text = tabulate(tmp_path, measured(groups=("many", "many", "medium", "medium")))
    assert "| Gradient | KCL | 3 / 0.22 / -; spread 0.97; slope +1.00 |" in text


def test_cells_are_named_by_metric_group_and_method(tmp_path):
    """As claims name them: the columns before `dataset`, each row once."""
    tabulate(tmp_path, measured(), measured(seed=1))
    with (tmp_path / "pull.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["metric", "group", "method", "dataset", "factor"]
    found = {(row["metric"], row["group"], row["method"]): row for row in rows}
    assert len(found) == len(rows) == len(METRICS) * 5
    row = found["negative", "few", "kcl"]
    assert row["seeds"] == "0 1"
    assert [float(value) for value in row["values"].split()] == pytest.approx([0.12, 1.12])


# --- the figure ---


def files(folder, *runs):
    paths = []
    for number, run in enumerate(runs):
        paths.append(folder / f"{number}.json")
        run.write(paths[-1])
    return {"gradients": paths, "config": CONFIG}


@pytest.mark.slow
def test_figure_is_drawn_twice_the_same(tmp_path):
    flags = files(tmp_path / "runs", measured(), measured(seed=1), measured("cogloat"))
    twice_the_same(plot_magnitudes.main, tmp_path, **flags)


def test_lines_are_means_over_seeds_the_largest_class_first():
    mixed = {"class_counts": (4, 400, 40, 200)}
    figure = plot_magnitudes.draw([measured(**mixed), measured(seed=1, **mixed)], LABELS, "Digits")
    titles = {axes.get_title(): axes for axes in figure.axes}
    assert list(titles) == list(METRICS.values())
    (line,) = titles["Positive part"].lines
    assert list(line.get_ydata()) == pytest.approx([4.5, 0.58, 1.3, 8.5])
    assert line.get_label() == "KCL"


def test_runs_of_other_data_are_refused(tmp_path):
    flags = files(tmp_path / "runs", measured(), measured(factor=10))
    message = "the gradients are of digits IF 100 and of digits IF 10"
    refused(plot_magnitudes.main, tmp_path, message, **flags)
