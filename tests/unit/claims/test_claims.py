"""Expressions, values with uncertainties and verdicts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from uncertainties import ufloat

from cogloat.claims.expressions import evaluate
from cogloat.claims.judge import Judge, judge_margin, welch
from cogloat.claims.names import MissingNumberError, vocabulary
from cogloat.claims.repetitions import repetitions
from cogloat.claims.tables import Cell, Source, Table
from cogloat.config.claims import Entry, Place, Reading
from cogloat.errors import UserError

HERE = Place(dataset="cifar10", factor=100)
THERE = Place(dataset="cifar100", factor=50)
CONSTANTS = {"half": 0.5, "classes": {"cifar10": 10}}


def mean_of(mean, std, seeds=3):
    return ufloat(mean, std / math.sqrt(seeds), tag=seeds)


def source(**tables):
    """Return tables from, for each, row -> place -> number."""
    made = {}
    for name, rows in tables.items():
        cells = {}
        for row, numbers in rows.items():
            for place, number in numbers.items():
                cell = Cell(getattr(number, "nominal_value", number), None, number)
                cells[place, tuple(row.split("."))] = cell
        made[name] = Table(("key",), cells)
    return Source(made, "not measured")


TABLES = source(
    table1={"variance.kcl": {HERE: 0.6}, "variance.ours": {HERE: 0.5}},
    table2={"kcl": {HERE: 77.6, THERE: 46.3}, "ours": {HERE: mean_of(81.6, 0.3), THERE: 50.4}},
)
KNOWN = vocabulary([TABLES], CONSTANTS)


def value(expression, place=HERE, each=None, tables=TABLES):
    return evaluate(expression, tables, KNOWN, place, each)


def decide(tables, *, claim=True, level=0.05, **entry):
    entry = Entry(where="", claim="", **{"cells": "all", **entry})
    return Judge(level, tables, vocabulary([tables], CONSTANTS)).decide("f: e", entry, claim=claim)


# --- Welch's test ---


@given(
    means=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    stds=st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)),
    seeds=st.tuples(st.integers(2, 20), st.integers(2, 20)),
)
def test_two_measured_cells_give_the_p_of_scipy(means, stds, seeds):
    first, second = (mean_of(*cell) for cell in zip(means, stds, seeds, strict=True))
    expected = stats.ttest_ind_from_stats(
        *(means[0], stds[0], seeds[0], means[1], stds[1], seeds[1]), equal_var=False
    )
    assert welch(first - second) == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)


@given(st.floats(-5, 5), st.floats(0.01, 5), st.integers(2, 20))
def test_one_measured_cell_beside_an_exact_one_gives_the_p_of_one_sample(gain, std, seeds):
    p = 2 * stats.t.sf(abs(gain) * math.sqrt(seeds) / std, seeds - 1)
    assert welch(mean_of(70 + gain, std, seeds) - 70) == pytest.approx(p, rel=1e-6)


def test_a_cell_that_is_there_twice_is_one_random_variable():
    ours = TABLES.tables["table2"].cells[HERE, ("ours",)].number
    doubled = value("table2.ours + table2.ours")
    assert doubled.std_dev == pytest.approx(2 * ours.std_dev)
    assert value("table2.ours - table2.ours").std_dev == 0


@pytest.mark.parametrize(
    ("margin", "tested", "strict", "verdict"),
    [
        (0.1, True, True, "holds"),
        (-0.1, True, True, "fails"),
        (0.0, True, True, "fails"),
        (0.0, True, False, "holds"),
        (0.1 + 0.2 - 0.3, True, True, "fails"),  # zero but for binary fractions
        (0.3 - 0.1 - 0.2, True, False, "holds"),
        (mean_of(1, 0.1), True, True, "holds"),
        (mean_of(-1, 0.1), True, True, "fails"),
        (mean_of(1, 1), True, True, "undecided"),
        (mean_of(-1, 1), True, True, "undecided"),
        (mean_of(-1, 1), False, True, "fails"),
        (ufloat(9, math.nan, tag=1), True, True, "undecided"),
        (ufloat(9, math.nan, tag=1), False, True, "holds"),
    ],
)
def test_verdict_on_one_margin(margin, tested, strict, verdict):
    assert judge_margin(margin, 0.05, tested=tested, strict=strict).verdict == verdict


def test_level_decides():
    margin = mean_of(0.2, 0.1)
    p = welch(margin)
    for level, verdict in ((p * 0.99, "undecided"), (p, "holds"), (p * 1.01, "holds")):
        assert judge_margin(margin, level, tested=True, strict=True).verdict == verdict


def test_one_seed_is_the_reason():
    outcome = judge_margin(
        ufloat(9, math.nan, tag=1) - mean_of(5, 1), 0.05, tested=True, strict=True
    )
    assert (outcome.verdict, outcome.reason, outcome.seeds) == ("undecided", "one seed", "1, 3")
    assert outcome.p is None


# --- expressions ---


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
        value("table1.variance.kcl", place=THERE)


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
        value("classes", place=THERE, tables=printed)
    with pytest.raises(MissingNumberError):  # data of a user's own: not measured
        value("classes", place=THERE)


# --- claims over several cells ---


def gains(**numbers):
    """Return a table in which `ours` gains so much on `kcl`, a place a number."""
    places = [Place(dataset=name, factor=1) for name in numbers]
    ours = dict(zip(places, numbers.values(), strict=True))
    return source(table2={"kcl": dict.fromkeys(places, 0.0), "ours": ours})


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


def test_place_that_another_table_lacks_is_not_a_cell():
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
    known = vocabulary([TABLES], CONSTANTS)
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


# --- repeated rows ---


def numbered(rows):
    cells = {
        (Place(dataset="d", factor=factor), (name,)): Cell(mean, std, mean)
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
