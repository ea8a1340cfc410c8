"""The arithmetic of the table of times, on timings written by hand."""

import csv
import statistics

import pandas as pd
import pytest
from artefacts import CONFIG, KCL, command_line, timings

from cogloat.errors import UserError
from cogloat.reporting.layout import to_markdown
from cogloat.reporting.times import sheets, time_table
from cogloat.results.timings import read_timings, write_timings
from tabulate_times import main

LABELS = {"kcl": "KCL", "kcl_global": "KCL + global selection"}
PAPER = pd.DataFrame(
    [["kcl", "cifar10", 100, 12.0, None], ["kcl_global", "cifar10", 100, 28.5, None]],
    columns=["method", "dataset", "factor", "mean", "std"],
)
GLOBAL = [(2.0, 1.0, 10.0), (4.0, 2.0, 0.0), (7.0, 7.7, 0.0)]  # step, floor, refresh


def written(path, *parts):
    write_timings(path, [timing for part in parts for timing in part])
    return path


def tabulated(folder, *parts, paper=PAPER):
    return time_table(read_timings([written(folder / "times.csv", *parts)]), LABELS, paper)


def test_seconds_ratio_floor_and_share_are_medians_over_rounds(tmp_path):
    table = tabulated(tmp_path, timings("kcl", KCL), timings("kcl_global", GLOBAL))
    kcl, other = (row for _, row in table.iterrows())
    assert kcl["mean"] == pytest.approx(20)  # of 10, 40 and 20
    assert other["mean"] == pytest.approx(40)  # of 30, 40 and 70
    assert (other["low"], other["high"]) == (pytest.approx(35), pytest.approx(55))
    ratios = [30 / 10, 40 / 40, 70 / 20]
    assert other["ratio"] == pytest.approx(statistics.median(ratios))
    assert other["ratio"] != pytest.approx(other["mean"] / kcl["mean"])
    assert other["ratio_low"] == pytest.approx((3 + 1) / 2)
    assert other["ratio_high"] == pytest.approx((3 + 3.5) / 2)
    assert (kcl["ratio"], kcl["ratio_low"], kcl["ratio_high"]) == (1, 1, 1)
    assert other["floor"] == pytest.approx(20)  # of 10, 20 and 77
    assert kcl["outside_floor"] == pytest.approx(25)  # of 50, 25 and 25
    assert other["outside_floor"] == pytest.approx(50)  # of 50, 50 and -10
    assert other["paper_mean"] == 28.5
    assert other["paper_ratio"] == pytest.approx(28.5 / 12)
    assert other["label"] == "KCL + global selection"
    assert (other["device"], other["threads"], other["precision"]) == ("EPYC", 1, "float32")


def test_every_round_has_its_ratio_and_is_no_seed(tmp_path):
    table = tabulated(tmp_path, timings("kcl", KCL), timings("kcl_global", GLOBAL))
    assert list(table["rounds"]) == ["0 1 2", "0 1 2"]
    assert table["ratios"][0] == "1.0 1.0 1.0"
    ratios = [float(ratio) for ratio in table["ratios"][1].split()]
    assert ratios == pytest.approx([30 / 10, 40 / 40, 70 / 20], rel=1e-8)
    assert not {"seeds", "std"} & set(table.columns)


def test_order_of_methods_is_that_of_the_first_round(tmp_path):
    both = timings("kcl_global", GLOBAL), timings("kcl", KCL)
    lines = [line for pair in zip(*both, strict=True) for line in pair]
    table = tabulated(tmp_path, lines)
    assert list(table["method"]) == ["kcl_global", "kcl"]
    assert table["ratio"][0] == 1


def test_cells_the_paper_lacks_have_no_number_of_the_paper(tmp_path):
    table = tabulated(tmp_path, timings("kcl", KCL), paper=PAPER.iloc[1:])
    assert table[["paper_mean", "paper_ratio"]].isna().all(axis=None)
    assert "paper" not in to_markdown(sheets(table, {"cifar10": "C10"}))


def test_markdown_puts_the_ratio_first_and_the_spread_below(tmp_path):
    paths = [
        written(
            tmp_path / f"{dataset}.csv",
            timings("kcl", KCL, dataset=dataset),
            timings("kcl_global", GLOBAL, dataset=dataset),
        )
        for dataset in ("cifar10", "cifar100")
    ]
    table = time_table(read_timings(paths), LABELS, PAPER)
    lines = to_markdown(sheets(table, {"cifar10": "C10", "cifar100": "C100"})).splitlines()
    assert lines[0] == "| Method | C10 IF 100 | C100 IF 100 |"
    assert lines[2] == "| KCL | 1.00 x (paper 1.00 x), 20 s | 1.00 x, 20 s |"
    assert lines[3] == ("| KCL + global selection | 3.00 x (paper 2.38 x), 40 s | 3.00 x, 40 s |")
    assert "EPYC, float32, CPU threads: 1. Medians over 3 rounds" in lines[5]
    assert "2.00 to 3.25 x, 35 to 55 s (paper 28.5 s); floor 20 s, 50 % outside it" in lines[10]


def test_data_set_without_the_method_of_the_ratios_is_named(tmp_path):
    one = written(tmp_path / "one.csv", timings("kcl", KCL))
    two = written(tmp_path / "two.csv", timings("kcl_global", GLOBAL, dataset="cifar100"))
    with pytest.raises(UserError, match=r"two\.csv: method: there is no 'kcl' on cifar100 IF 100"):
        time_table(read_timings([one, two]), LABELS, PAPER)


# --- the script ---


def tabulate(folder, times, **more):
    main(
        command_line(
            times=times,
            config=CONFIG,
            output=folder / "costs.csv",
            markdown=folder / "costs.md",
            **more,
        )
    )
    with (folder / "costs.csv").open() as file:
        return list(csv.DictReader(file)), (folder / "costs.md").read_text()


@pytest.mark.parametrize("paper", [CONFIG / "paper" / "table4.csv", None])
def test_table_stands_with_and_without_printed_numbers(tmp_path, paper):
    times = written(tmp_path / "times.csv", timings("kcl", KCL), timings("kcl_global", GLOBAL))
    rows, text = tabulate(tmp_path, times, **{} if paper is None else {"printed": paper})
    assert ("paper" in text) == (paper is not None)
    assert [row["paper_mean"] != "" for row in rows] == [paper is not None] * 2


def test_numbers_are_in_full_precision(tmp_path):
    times = written(
        tmp_path / "times.csv",
        timings("kcl", [(1.0, 1.0, 0.0)]),
        timings("kcl_global", [(1.00000001, 1.0, 0.0)]),
    )
    rows, _ = tabulate(tmp_path, times)
    assert float(rows[1]["ratio"]) == pytest.approx(1.00000001, abs=1e-12)
    assert rows[1]["ratios"] == rows[1]["ratio"]


@pytest.mark.parametrize(
    ("timed", "message"),
    [
        (timings("kcll", KCL), "method 'kcll' is unknown"),
        (timings("kcl", KCL, dataset="cifar"), "dataset 'cifar' is unknown"),
    ],
)
def test_what_config_does_not_know_is_named_and_nothing_is_written(tmp_path, timed, message):
    times = written(tmp_path / "times.csv", timed)
    with pytest.raises(UserError, match=message):
        tabulate(tmp_path, times)
    assert [path.name for path in tmp_path.iterdir()] == ["times.csv"]


def test_refresh_alone_has_its_own_seconds_and_ratios_and_no_floor(tmp_path):
    refreshed = [(1.0, 0.5, 4.0), (9.0, 0.5, 6.0), (1.0, 0.5, 5.0)]  # step, floor, refresh
    sooner = [(7.0, 0.5, 1.0), (7.0, 0.5, 3.0), (7.0, 0.5, 1.0)]
    times = written(
        tmp_path / "times.csv", timings("kcl", refreshed), timings("kcl_global", sooner)
    )
    rows, text = tabulate(tmp_path, times, part="refresh")
    assert [float(row["mean"]) for row in rows] == [5, 1]
    ratios = [float(ratio) for ratio in rows[1]["ratios"].split()]
    assert ratios == pytest.approx([1 / 4, 3 / 6, 1 / 5])
    assert float(rows[1]["ratio"]) == 0.25
    assert "floor" not in rows[0]
    assert "seconds of what is done once at the start of an epoch" in text
    assert "floor" not in text.lower()
