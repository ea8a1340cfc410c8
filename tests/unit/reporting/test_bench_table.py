"""The bench's table: medians beside goals; what is damaged or unknown is refused."""

import pytest
from miniature import CONFIG

from cogloat.config.reading import load
from cogloat.errors import UserError
from cogloat.reporting.bench import (
    bench_table,
    check_bounds,
    failing_groups,
    read_bench_table,
    to_markdown,
)
from cogloat.reporting.figures.bench import draw
from cogloat.reporting.layout import to_csv
from cogloat.results.measured import Measured, read_measured, write_measured
from cogloat.runs.bench import Bench

BENCH = load(Bench, CONFIG / "bench.yaml")
GROUP = "floors"
LOW, HIGH = BENCH.groups[GROUP].rows[:2]


def lines(row, values, group=GROUP, note=""):
    known = {"group": group, "label": row.label, "note": note, "device": "EPYC", "threads": 1}
    return [Measured(round=number, value=value, **known) for number, value in enumerate(values)]


def shown():
    fails = [LOW.bound + 1, LOW.bound + 5, LOW.at_most]
    return [*lines(HIGH, [HIGH.at_most / 2] * 3), *lines(LOW, fails)]


def test_rows_are_medians_in_the_benchs_order():
    table = bench_table(shown(), BENCH)
    assert list(table["label"]) == [LOW.label, HIGH.label]
    first = table.iloc[0]
    assert (first["value"], first["low"], first["high"]) == (
        LOW.bound + 1,
        LOW.at_most,
        LOW.bound + 5,
    )
    assert list(table["state"]) == ["failed", "met"]
    assert failing_groups(table) == [GROUP]


def test_a_count_is_not_measured_again():
    row = BENCH.groups["operations"].rows[0]
    table = bench_table(lines(row, [row.bound + 1], "operations"), BENCH)
    assert list(table["state"]) == ["failed"]
    assert failing_groups(table) == []


def test_markdown_has_goals_states_and_notes():
    left_out = BENCH.groups["views"].rows[1]
    table = bench_table([*shown(), *lines(left_out, [None], "views", "no such")], BENCH)
    text = to_markdown(table)
    assert f"| {HIGH.label} | 0.52 (0.52 to 0.52) | at most 1.03 | met |" in text
    assert f"| {left_out.label} |  | at least 3 | left out |" in text
    assert f"{left_out.label}: no such." in text
    assert "On EPYC, CPU threads: 1." in text


def test_table_survives_its_file_and_is_judged(tmp_path):
    path = tmp_path / "table.csv"
    table = bench_table(shown(), BENCH)
    path.write_text(to_csv(table))
    found = read_bench_table(path)
    assert to_markdown(found) == to_markdown(table)
    with pytest.raises(UserError, match=f"{LOW.label}: 2.50 is beyond the bound, 1.50"):
        check_bounds(path, found)
    check_bounds(path, found[found["state"] != "failed"])


def test_figure_has_a_panel_a_group_and_leaves_out_what_was_left_out():
    counts = BENCH.groups["operations"].rows[0]
    out = BENCH.groups["views"].rows[1]
    known = [*shown(), *lines(counts, [5.0], "operations"), *lines(out, [None], "views")]
    figure = draw(bench_table(known, BENCH))
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible()]
    assert titles == [BENCH.groups[name].title for name in (GROUP, "operations")]


def test_measured_numbers_survive_their_file(tmp_path):
    known = [*shown(), *lines(LOW, [None], note="why, not")]
    write_measured(tmp_path / "measured.csv", known)
    assert read_measured(tmp_path / "measured.csv") == known


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("floors,CE,0,", "floors,CE,-1,", "line 5: round: "),
        ("EPYC,1\n", "EPYC,0\n", "line 2: threads: "),
        ("group,", "column,", "line 1: the columns must be group, label"),
    ],
)
def test_damaged_numbers_are_refused(tmp_path, old, new, message):
    path = tmp_path / "measured.csv"
    write_measured(path, shown())
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        read_measured(path)


def test_a_row_that_the_bench_has_not_is_refused():
    other = LOW.model_copy(update={"label": "other"})
    with pytest.raises(UserError, match=r"bench\.yaml has no row 'other' of 'floors'"):
        bench_table(lines(other, [1.0]), BENCH)
