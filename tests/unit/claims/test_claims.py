"""Expressions, values with uncertainties, and verdicts over cells."""

import math
import statistics
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from uncertainties import ufloat

from cogloat.claims.expressions import evaluate
from cogloat.claims.judge import Judge
from cogloat.claims.names import MissingNumberError, vocabulary
from cogloat.claims.repetitions import repetitions
from cogloat.claims.schema import Column, Entry, Reading
from cogloat.claims.tables import Cell, Sampled, Source, Table
from cogloat.claims.verdict import welch
from cogloat.errors import UserError

HERE = Column(dataset="cifar10", factor=100)
THERE = Column(dataset="cifar100", factor=50)
CONSTANTS = {"half": 0.5, "classes": {"cifar10": 10}}


def mean_of(mean, std, seeds=3):
    return ufloat(mean, std / math.sqrt(seeds), tag=Sampled(seeds))


def source(**tables):
    """Return tables from, for each, row -> column -> number or cell."""
    made = {}
    for name, rows in tables.items():
        cells = {}
        for row, numbers in rows.items():
            for column, number in numbers.items():
                mean = getattr(number, "nominal_value", number)
                cell = number if isinstance(number, Cell) else Cell(mean, None, number)
                cells[column, tuple(row.split("."))] = cell
        made[name] = Table(("key",), cells)
    return Source(made, "not measured")


TABLES = source(
    table1={"variance.kcl": {HERE: 0.6}, "variance.ours": {HERE: 0.5}},
    table2={"kcl": {HERE: 77.6, THERE: 46.3}, "ours": {HERE: mean_of(81.6, 0.3), THERE: 50.4}},
)
KNOWN = vocabulary([TABLES], CONSTANTS, {})


def value(expression, column=HERE, each=None, tables=TABLES):
    return evaluate(expression, tables, KNOWN, column, each, attrgetter("number"))


def decide(tables, *, claim=True, level=0.05, **entry):
    entry = Entry(where="", claim="", **{"cells": "all", **entry})
    return Judge(level, tables, vocabulary([tables], CONSTANTS, {})).decide(
        "f: e", entry, claim=claim
    )


# --- expressions ---


def test_a_cell_that_is_there_twice_is_one_random_variable():
    ours = TABLES.tables["table2"].cells[HERE, ("ours",)].number
    doubled = value("table2.ours + table2.ours")
    assert doubled.std_dev == pytest.approx(2 * ours.std_dev)
    assert value("table2.ours - table2.ours").std_dev == 0


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("table2.kcl - 70", 7.6),
        ("table1.variance.kcl / table1['variance']['ours']", 1.2),
        ("at.cifar100.if50.table2.ours - at[dataset][factor].table2.kcl", 50.4 - 77.6),
        ("min(3, table1.variance.kcl) + max(1, 2) + abs(-half)", 3.1),
        ("sqrt(classes - 1) ** 2 * mean(1, 2, 6)", 27),
        ("deviation(table2.kcl)", 0),
        ("deviation(table2.ours)", 0.3 / math.sqrt(3)),
    ],
)
def test_values_of_expressions(expression, expected):
    assert value(expression) == pytest.approx(expected)


@given(st.floats(-9, 9), st.floats(-9, 9))
def test_min_max_and_abs_keep_the_uncertainty_of_what_they_choose(one, other):
    first, second = mean_of(one, 0.1), mean_of(other, 0.2)
    tables = source(table2={"kcl": {HERE: first}, "ours": {HERE: second}})
    expected = first if one <= other else second
    assert value("min(table2.kcl, table2.ours)", tables=tables) is expected
    size = value("abs(table2.kcl)", tables=tables)
    assert (size.nominal_value, size.std_dev) == (abs(one), first.std_dev)


def test_each_names_a_row():
    assert value("table1.variance[each]", each="ours") == 0.5


def test_a_number_that_the_tables_lack_is_missing_not_unknown():
    with pytest.raises(MissingNumberError):
        value("table1.variance.kcl", column=THERE)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("table3.kcl", "there is no 'table3'. Did you mean 'table2'?"),
        ("table2.kcll", "table2 has no 'kcll'. Did you mean 'kcl'?"),
        ("table1.variance.klc", "table1.variance has no 'klc'. Did you mean 'kcl'?"),
        ("at.cifar1000.if50.table2.kcl", "at has no 'cifar1000'. Did you mean 'cifar100'?"),
        ("table1.variance - 1", "cannot be computed"),
        ("table2.kcl -", "is not an expression"),
        ("", "is not an expression"),
        ("table2.kcl; table2.ours", "is not an expression"),
        ("x = 1", "is a statement"),
        ("import os", "is a statement"),
        ("table2.kcl / 0", "cannot be computed"),
        ("sqrt(-1)", "cannot be computed"),
        ("(-1) ** 0.5", "cannot be computed"),
        ("9 ** 9 ** 9 ** 9", "cannot be computed"),
        ("1e308 * 10", "gives inf at cifar10 IF 100"),
        ("table2.kcl > 3", "cannot be computed"),
        ("True", "gives True"),
        ("table2.ours.nominal_value", "cannot be computed"),
        ("table2.__class__", "cannot be computed"),
        ("table2", "cannot be computed"),
        ("[table2.kcl]", "cannot be computed"),
        ("open('x')", "there is no 'open'"),
        ("each + 1", "'each' has no value here"),
        ("min()", "cannot be computed"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(expression, message):
    with pytest.raises(UserError) as caught:
        value(expression)
    assert message in str(caught.value)


def test_constant_of_another_dataset_is_asked_for_where_the_paper_has_it():
    printed = Source(TABLES.tables, "not printed")
    with pytest.raises(UserError, match="the constant 'classes' has no 'cifar100'"):
        value("classes", column=THERE, tables=printed)
    with pytest.raises(MissingNumberError):  # data of a user's own: not measured
        value("classes", column=THERE)


# --- claims over several cells ---


def gains(**numbers):
    """Return a table in which `ours` gains so much on `kcl`, a column a number."""
    columns = [Column(dataset=name, factor=1) for name in numbers]
    ours = dict(zip(columns, numbers.values(), strict=True))
    return source(table2={"kcl": dict.fromkeys(columns, 0.0), "ours": ours})


GAIN = "table2.ours - table2.kcl"


@pytest.mark.parametrize(
    ("numbers", "verdict", "cells", "at", "margin"),
    [
        ({"a": 1, "b": 2}, "holds", "2 of 2", "a IF 1", 1),
        ({"a": 1, "b": -2, "c": -3}, "fails", "1 of 3", "c IF 1", -3),
        ({"a": 1, "b": mean_of(0.1, 1)}, "undecided", "1 of 2", "b IF 1", 0.1),
        ({"a": -1, "b": mean_of(-9, 30)}, "fails", "0 of 2", "a IF 1", -1),
    ],
)
def test_verdict_over_cells_is_the_worst_one(numbers, verdict, cells, at, margin):
    outcome = decide(gains(**numbers), margin=GAIN)
    assert (outcome.verdict, outcome.cells, outcome.at) == (verdict, cells, at)
    assert outcome.margin == pytest.approx(margin)


def test_column_that_another_table_lacks_is_not_a_cell():
    tables = source(table2={"kcl": {HERE: 1.0, THERE: 1.0}}, table5={"ours": {THERE: 2.0}})
    outcome = decide(tables, margin="table5.ours - table2.kcl")
    assert (outcome.verdict, outcome.cells, outcome.at) == ("holds", "1 of 1", str(THERE))


def test_missing_cells_are_counted_and_a_listed_one_leaves_a_claim_undecided():
    tables = source(table2={"kcl": {HERE: 1.0, THERE: 1.0}, "ours": {THERE: 2.0}})
    everywhere = decide(tables, margin=GAIN)
    assert (everywhere.verdict, everywhere.cells) == ("holds", "1 of 1")
    assert everywhere.reason == "1 not measured"
    listed = decide(tables, margin=GAIN, cells=(HERE, THERE))
    assert (listed.verdict, listed.reason) == ("undecided", "1 not measured")


def test_nothing_measured_is_said():
    known = vocabulary([TABLES], CONSTANTS, {})
    entry = Entry(where="", claim="", margin=GAIN, cells="all")
    for tables in ({}, {"table1": TABLES.tables["table1"]}):
        outcome = Judge(0.05, Source(tables, "not measured"), known).decide("", entry, claim=True)
        assert (outcome.verdict, outcome.margin) == ("not measured", None)


def test_condition_and_quoted_claim_are_decided_by_the_sign():
    tables = gains(a=mean_of(-0.1, 9))
    assert decide(tables, margin=GAIN).verdict == "undecided"
    assert decide(tables, margin=GAIN, claim=False).verdict == "fails"
    assert decide(tables, margin=GAIN, quoted=True).verdict == "fails"
    equal = gains(a=0.0)
    assert decide(equal, margin=GAIN).verdict == "fails"
    assert decide(equal, margin=GAIN, claim=False).verdict == "holds"


def test_other_reading_is_told_where_it_explains_a_failure():
    reading = Reading(reading="it is a loss", margin=f"-9 < 0 or {GAIN}")
    with pytest.raises(UserError, match=r"f: e\.instead: '.*': cannot be computed"):
        decide(gains(a=1), margin=GAIN, instead=reading)
    reading = Reading(reading="it is a loss of two", margin=f"-abs({GAIN} + 2)")
    outcome = decide(gains(a=-2, b=-3, c=1), margin=GAIN, instead=reading)
    assert outcome.reason == "it is a loss of two (1 of 2 cells)"
    assert decide(gains(c=1), margin=GAIN, instead=reading).reason == ""
    reading = Reading(reading="it is small", margin=f"5 - abs({GAIN})")
    outcome = decide(gains(a=-2, b=-9, c=1), margin=GAIN, instead=reading)
    assert outcome.reason == "it is small (1 of 2 cells)"


def test_each_makes_a_cell_of_each():
    outcome = decide(gains(a=5, b=3), margin="table2[each] + 1", each=("kcl", "ours"))
    assert (outcome.verdict, outcome.cells, outcome.at) == ("holds", "4 of 4", "a IF 1, kcl")


def test_claim_without_a_margin_is_decided_by_no_table():
    entry = Entry(where="", claim="", reason="no table has it")
    outcome = Judge(0.05, TABLES, KNOWN).decide("", entry, claim=True)
    assert (outcome.verdict, outcome.reason) == ("no table", "no table has it")


def test_all_needs_a_table():
    with pytest.raises(UserError, match="f: e: 'half': names no table"):
        decide(gains(a=1), margin="half")


@pytest.mark.parametrize(
    "keys",
    [{}, {"margin": "1"}, {"cells": "all"}, {"margin": "1", "cells": "all", "reason": "none"}],
)
def test_entry_is_decided_or_says_why_not(keys):
    with pytest.raises(ValueError, match="entry"):
        Entry(where="", claim="", **keys)


# --- seeds and rounds behind a cell ---


def seeded(*values, seeds=(0, 1, 2)):
    mean, std = statistics.fmean(values), statistics.stdev(values)
    return Cell(mean, std, mean_of(mean, std, len(values)), dict(zip(seeds, values, strict=True)))


def timed(*ratios, column=HERE):
    values = {(column, number): ratio for number, ratio in enumerate(ratios)}
    return Cell(1.0, None, 1.0, values, timed=True)


def table2(kcl, ours):
    return source(table2={"kcl": {HERE: kcl}, "ours": {HERE: ours}})


def table4(**rows):
    return source(table4={row: {HERE: cell} for row, cell in rows.items()})


def test_what_a_seed_does_to_both_methods_is_not_held_against_their_difference():
    tables = table2(seeded(70, 75, 80), seeded(71, 76.1, 80.9))
    outcome = decide(tables, margin=GAIN)
    assert (outcome.verdict, outcome.test, outcome.seeds) == ("holds", "paired", "3")
    assert outcome.margin == pytest.approx(1)
    assert outcome.p == pytest.approx(stats.ttest_rel([71, 76.1, 80.9], [70, 75, 80]).pvalue)
    means = table2(mean_of(75, 5), mean_of(76, 4.95))
    outcome = decide(means, margin=GAIN)
    assert (outcome.verdict, outcome.test) == ("undecided", "welch")


def test_a_gain_that_seeds_do_not_agree_on_is_undecided_though_the_means_are_far_apart():
    tables = table2(seeded(70, 71, 72), seeded(75, 74, 73))
    outcome = decide(tables, margin=GAIN)
    assert (outcome.verdict, outcome.test) == ("undecided", "paired")
    outcome = decide(table2(mean_of(71, 1), mean_of(74, 1)), margin=GAIN)
    assert (outcome.verdict, outcome.test) == ("holds", "welch")


def test_seeds_are_paired_by_their_number_not_by_their_order():
    ours = seeded(80.9, 71, 76.1, seeds=(2, 0, 1))
    outcome = decide(table2(seeded(70, 75, 80), ours), margin=GAIN)
    assert outcome.p == pytest.approx(stats.ttest_rel([71, 76.1, 80.9], [70, 75, 80]).pvalue)


def test_two_seeds_are_paired():
    pair = {"seeds": (0, 1)}
    outcome = decide(table2(seeded(70, 75, **pair), seeded(71, 78, **pair)), margin=GAIN)
    assert (outcome.test, outcome.seeds) == ("paired", "2")
    assert outcome.p == pytest.approx(stats.ttest_1samp([1, 3], 0).pvalue)


def test_every_seed_has_its_own_best_rival():
    rivals = {"a": {HERE: seeded(1, 5, 3)}, "b": {HERE: seeded(4, 2, 3)}}
    tables = source(table2={**rivals, "ours": {HERE: seeded(5, 7, 5)}})
    outcome = decide(tables, margin="table2.ours - max(table2.a, table2.b)")
    assert outcome.margin == pytest.approx(statistics.fmean([1, 2, 2]))
    assert outcome.p == pytest.approx(stats.ttest_1samp([1, 2, 2], 0).pvalue)


@pytest.mark.parametrize(
    "other",
    [
        seeded(71, 76.1, 80.9, seeds=(0, 1, 3)),
        seeded(71, 76.1, seeds=(0, 1)),
        Cell(76, 4.95, mean_of(76, 4.95)),
    ],
    ids=["another seed", "a seed fewer", "no single values"],
)
def test_cells_that_are_not_of_the_same_seeds_are_decided_by_welch(other):
    kcl = seeded(70, 75, 80)
    outcome = decide(table2(kcl, other), margin=GAIN)
    assert outcome.test == "welch"
    assert outcome.p == pytest.approx(welch(other.number - kcl.number))


def test_one_seed_decides_nothing():
    one = {
        seed: Cell(seed, None, ufloat(seed, math.nan, tag=Sampled(1)), {0: seed})
        for seed in (70, 80)
    }
    outcome = decide(table2(one[70], one[80]), margin=GAIN)
    assert (outcome.verdict, outcome.reason, outcome.test) == ("undecided", "one seed", "")
    outcome = decide(table2(one[70], seeded(80, 81, 82)), margin=GAIN)
    assert (outcome.verdict, outcome.reason) == ("undecided", "one seed")


def test_conditions_and_quoted_digits_are_about_the_means_not_about_the_seeds():
    tables = table2(seeded(0, 0, 0.3), seeded(0.5, -0.6, 0.7))
    for how in ({"claim": False}, {"quoted": True}):
        outcome = decide(tables, margin="-abs(table2.ours - table2.kcl - 0.1) + 0.01", **how)
        assert (outcome.verdict, outcome.test, outcome.margin) == ("holds", "sign", 0.01)


@pytest.mark.parametrize(
    ("ratios", "verdict", "margin"),
    [
        ((0.9, 1.1, 1.2, 1.3, 1.4), "holds", 0.2),
        ((1.1, 0.9, 0.8, 0.7, 0.6), "fails", -0.2),
        ((0.8, 0.9, 1.2, 1.3, 1.4), "undecided", 0.2),
        ((1.0, 1.0, 1.0), "undecided", 0),
    ],
)
def test_times_are_decided_by_the_quartiles_of_their_rounds(ratios, verdict, margin):
    tables = table4(kcl=timed(*[1.0] * len(ratios)), ours=timed(*ratios))
    outcome = decide(tables, margin="table4.ours / table4.kcl - 1")
    assert (outcome.verdict, outcome.margin) == (verdict, pytest.approx(margin))
    assert (outcome.test, outcome.p, outcome.seeds) == ("quartiles", None, "")


def test_times_are_compared_within_a_round():
    one, other = timed(1.0, 2.0, 3.0, 4.0, 5.0), timed(1.1, 2.2, 3.3, 4.4, 0.5)
    outcome = decide(table4(a=one, b=other), margin="table4.b / table4.a - 1")
    assert (outcome.verdict, outcome.margin) == ("holds", pytest.approx(0.1))


def test_one_round_decides_nothing():
    tables = table4(kcl=timed(1.0), ours=timed(2.0))
    outcome = decide(tables, margin="table4.ours / table4.kcl - 1")
    assert (outcome.verdict, outcome.reason) == ("undecided", "one round")


def test_condition_on_times_is_decided_by_the_sign_of_the_median():
    tables = table4(kcl=timed(1.0, 1.0, 1.0), ours=timed(0.5, 1.1, 2.0))
    outcome = decide(tables, margin="table4.ours / table4.kcl - 1", claim=False)
    assert (outcome.verdict, outcome.test) == ("holds", "sign")


def test_times_of_two_columns_have_no_round_in_common():
    rows = {"kcl": {HERE: timed(1.0, 1.0), THERE: timed(1.0, 1.0, column=THERE)}}
    margin = "at.cifar10.if100.table4.kcl / at.cifar100.if50.table4.kcl - 1"
    for claim in (True, False):
        outcome = decide(source(table4=rows), margin=margin, cells=(HERE,), claim=claim)
        assert outcome.verdict == "not measured"
        assert outcome.reason == "no round has all of these times"


def test_margin_in_seconds_is_refused_as_measured_times_are_ratios():
    tables = table4(kcl=timed(1.0, 1.0), ours=timed(2.0, 2.0))
    with pytest.raises(UserError, match=r"f: e: 'table4.ours - table4.kcl': depends on the unit"):
        decide(tables, margin="table4.ours - table4.kcl")


# --- repeated rows ---


def numbered(rows):
    cells = {
        (Column(dataset="d", factor=factor), (name,)): Cell(mean, std, mean)
        for name, numbers in rows.items()
        for factor, (mean, std) in enumerate(numbers, start=1)
    }
    return Table(("method",), cells)


def pairs(at_least, **tables):
    own = Source({name: numbered(rows) for name, rows in tables.items()}, "")
    return [(pair.first, pair.second, len(pair.same)) for pair in repetitions(own, at_least)]


def test_rows_with_equal_numbers_and_different_names_are_repetitions():
    row = [(1, 0.1), (2, 0.1), (3, None)]
    assert pairs(2, table5={"a": row}, table6={"b": row}) == [("table5.a", "table6.b", 3)]
    assert pairs(2, table5={"a": row, "b": row}) == [("table5.a", "table5.b", 3)]
    assert pairs(2, table5={"a": row}, table6={"a": row}) == []


def test_equal_means_with_other_deviations_are_not_repetitions():
    own, other = [(1, 0.1), (2, 0.1)], [(1, 0.1), (2, 0.2)]
    assert pairs(2, table5={"a": own}, table6={"b": other}) == []
    assert pairs(1, table5={"a": own}, table6={"b": other}) == [("table5.a", "table6.b", 1)]
