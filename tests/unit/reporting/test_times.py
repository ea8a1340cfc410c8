"""Table 4's arithmetic on timings written by hand, and what is refused."""

import statistics
import subprocess

import pandas as pd
import pytest
from scripts import REPO, run

from cogloat.claims.tables import read_measured, read_printed
from cogloat.config.claims import Place
from cogloat.errors import UserError
from cogloat.reporting.raw_times import COLUMNS, PARTS, Timing, read_timings, to_csv
from cogloat.reporting.times import PRINTED, time_table, to_markdown

LABELS = {"kcl": "KCL", "kcl_global": "KCL + global selection"}
PAPER = pd.DataFrame(
    [["kcl", "cifar10", 100, 12.0, None], ["kcl_global", "cifar10", 100, 28.5, None]],
    columns=PRINTED,
)
KCL = [(1.0, 0.5, 0.0), (4.0, 3.0, 0.0), (2.0, 1.5, 0.0)]  # step, floor, refresh of three rounds
GLOBAL = [(2.0, 1.0, 10.0), (4.0, 2.0, 0.0), (7.0, 7.7, 0.0)]
STEPS = 10
TINY = 1e-9  # of a start of an epoch that does nothing


def timings(method, rounds, **changes):
    described = {
        **{"dataset": "cifar10", "factor": 100, "steps_per_epoch": STEPS},
        **{"device": "EPYC", "threads": 1, "precision": "float32"},
    }
    return [
        Timing(method=method, round=number, part=part, seconds=value or TINY, **described | changes)
        for number, (step, floor, refresh) in enumerate(rounds)
        for part, value in zip(PARTS, (refresh, step, floor), strict=True)
    ]


def write(path, *parts):
    path.write_text(to_csv([timing for part in parts for timing in part]))
    return path


def tabulated(tmp_path, *parts, paper=PAPER):
    return time_table(read_timings([write(tmp_path / "times.csv", *parts)]), LABELS, paper)


def test_seconds_ratio_floor_and_share_are_medians_over_rounds(tmp_path):
    table = tabulated(tmp_path, timings("kcl", KCL), timings("kcl_global", GLOBAL))
    kcl, other = (row for _, row in table.iterrows())
    assert kcl["mean"] == pytest.approx(20)  # of 10, 40 and 20
    epochs = [30, 40, 70]
    assert other["mean"] == pytest.approx(40)
    assert other["std"] == pytest.approx(statistics.stdev(epochs))
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
    assert (other["seeds"], other["label"]) == ("0 1 2", "KCL + global selection")
    assert (other["device"], other["threads"], other["precision"]) == ("EPYC", 1, "float32")


def test_order_of_methods_is_that_of_the_first_round(tmp_path):
    both = timings("kcl_global", GLOBAL), timings("kcl", KCL)
    lines = [line for pair in zip(*both, strict=True) for line in pair]
    table = tabulated(tmp_path, lines)
    assert list(table["method"]) == ["kcl_global", "kcl"]
    assert table["ratio"][0] == 1


def test_one_round_has_no_deviation(tmp_path):
    table = tabulated(tmp_path, timings("kcl", KCL[:1]))
    assert table["std"].isna().all()
    assert table["seeds"][0] == "0"


def test_cells_the_paper_lacks_have_no_number_of_the_paper(tmp_path):
    table = tabulated(tmp_path, timings("kcl", KCL), paper=PAPER.iloc[1:])
    assert table[["paper_mean", "paper_ratio"]].isna().all(axis=None)
    assert "paper" not in to_markdown(table, {"cifar10": "C10"})


def test_markdown_puts_the_ratio_first_and_the_spread_below(tmp_path):
    paths = [
        write(
            tmp_path / f"{dataset}.csv",
            timings("kcl", KCL, dataset=dataset),
            timings("kcl_global", GLOBAL, dataset=dataset),
        )
        for dataset in ("cifar10", "cifar100")
    ]
    table = time_table(read_timings(paths), LABELS, PAPER)
    lines = to_markdown(table, {"cifar10": "C10", "cifar100": "C100"}).splitlines()
    assert lines[0] == "| Method | C10 IF 100 | C100 IF 100 |"
    assert lines[2] == "| KCL | 1.00 x (paper 1.00 x), 20 s | 1.00 x, 20 s |"
    assert lines[3] == ("| KCL + global selection | 3.00 x (paper 2.38 x), 40 s | 3.00 x, 40 s |")
    assert "EPYC, float32, CPU threads: 1. Medians over 3 rounds" in lines[5]
    assert "2.00 to 3.25 x, 35 to 55 s (paper 28.5 s); floor 20 s, 50 % outside it" in lines[10]


# --- what is refused ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "its columns must be dataset, factor"),
        (lambda text: text.replace("round,", "turn,"), "its columns must be dataset, factor"),
        (lambda text: ",".join(COLUMNS) + "\n", "has no timing"),
        (lambda text: text.replace("1.000000000", "fast"), "line 3: seconds: .*but it is 'fast'"),
        (lambda text: text.replace("1.000000000", "nan"), "line 3: seconds: .*but it is 'nan'"),
        (lambda text: text.replace("1.000000000", "-1"), "line 3: seconds: .*but it is '-1'"),
        (lambda text: text.replace(",floor,", ",roof,"), "line 4: part: .*but it is 'roof'"),
        (lambda text: text[: text.rindex(",")], "line 10 has 9 fields, the header has 10"),
        (lambda text: text.rstrip("\n").rsplit("\n", 1)[0], "round 2 has floor 0 times, not once"),
        (lambda text: text + text.splitlines()[-1], "round 2 has floor 2 times, not once"),
        (lambda text: text.replace(",10,EPYC", ",11,EPYC", 1), "steps_per_epoch differs"),
        (lambda text: text + '"', "not a CSV table"),
    ],
)
def test_damaged_timings_are_named(tmp_path, change, message):
    path = write(tmp_path / "times.csv", timings("kcl", KCL))
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=rf"times\.csv: .*{message}.* Time the epochs again\."):
        read_timings([path])


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "times.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"times\.csv: not a CSV table"):
        read_timings([path])


@pytest.mark.parametrize(
    ("column", "value"), [("device", "H100"), ("threads", 2), ("precision", "bfloat16")]
)
def test_timings_of_two_machines_are_not_put_in_one_table(tmp_path, column, value):
    one = write(tmp_path / "one.csv", timings("kcl", KCL))
    other = timings("kcl", KCL, dataset="cifar100", **{column: value})
    two = write(tmp_path / "two.csv", other)
    with pytest.raises(UserError, match=rf"two\.csv: {column}: '{value}', but .*one\.csv has"):
        read_timings([one, two])


def test_methods_that_were_not_timed_together_are_not_compared(tmp_path):
    one = write(tmp_path / "one.csv", timings("kcl", KCL))
    two = write(tmp_path / "two.csv", timings("kcl_global", GLOBAL))
    with pytest.raises(UserError, match=r"two\.csv: cifar10 IF 100 is in .*one\.csv already"):
        read_timings([one, two])


def test_data_set_without_the_method_of_the_ratios_is_named(tmp_path):
    one = write(tmp_path / "one.csv", timings("kcl", KCL))
    two = write(tmp_path / "two.csv", timings("kcl_global", GLOBAL, dataset="cifar100"))
    with pytest.raises(UserError, match=r"two\.csv: method: there is no 'kcl' on cifar100 IF 100"):
        time_table(read_timings([one, two]), LABELS, PAPER)


# --- the script ---


def tabulate(folder, *times) -> subprocess.CompletedProcess:
    return run(
        *("tabulate_times.py", "--times", *times, "--config", REPO / "config"),
        *("--paper", REPO / "config/paper/table4.csv"),
        *("--output", folder / "table4.csv", "--markdown", folder / "table4.md"),
    )


def test_table_is_one_that_the_audit_of_the_claims_reads(tmp_path):
    times = write(tmp_path / "times.csv", timings("kcl", KCL), timings("kcl_global", GLOBAL))
    done = tabulate(tmp_path, times)
    assert done.returncode == 0, done.stderr
    measured = read_measured(tmp_path, read_printed(REPO / "config/paper", seeds=3))
    cells = measured.tables["table4"].cells
    place = Place(dataset="cifar10", factor=100)
    assert cells[place, ("kcl",)].mean == pytest.approx(20)
    assert cells[place, ("kcl_global",)].std == pytest.approx(statistics.stdev([30, 40, 70]), 1e-5)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ("", "times.csv: its columns must be"),
        (None, "times.csv: no such file. Check the path."),
        (to_csv(timings("kcll", KCL)), "method 'kcll' is unknown"),
        (to_csv(timings("kcl", KCL, dataset="cifar")), "dataset 'cifar' is unknown"),
    ],
)
def test_mistake_ends_in_one_message_and_no_file(tmp_path, times, message):
    if times is not None:
        (tmp_path / "times.csv").write_text(times)
    done = tabulate(tmp_path, tmp_path / "times.csv")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
    assert not list(tmp_path.glob("*table4*"))
