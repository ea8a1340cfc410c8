"""The verdict on one margin, held against scipy and against formulas in closed form."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from uncertainties import ufloat

from cogloat.claims.tables import ROUNDING, Sampled
from cogloat.claims.verdict import judge_number, judge_rounds, judge_seeds, paired, welch


def mean_of(mean, std, seeds=3):
    return ufloat(mean, std / math.sqrt(seeds), tag=Sampled(seeds))


# --- means: Welch's test ---


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
        (ufloat(9, math.nan, tag=Sampled(1)), True, True, "undecided"),
        (ufloat(9, math.nan, tag=Sampled(1)), False, True, "holds"),
    ],
)
def test_verdict_on_one_margin(margin, tested, strict, verdict):
    assert judge_number(margin, 0.05, tested=tested, strict=strict).verdict == verdict


def test_level_decides():
    margin = mean_of(0.2, 0.1)
    p = welch(margin)
    for level, verdict in ((p * 0.99, "undecided"), (p, "holds"), (p * 1.01, "holds")):
        assert judge_number(margin, level, tested=True, strict=True).verdict == verdict


def test_one_seed_is_the_reason():
    outcome = judge_number(
        ufloat(9, math.nan, tag=Sampled(1)) - mean_of(5, 1), 0.05, tested=True, strict=True
    )
    assert (outcome.verdict, outcome.reason, outcome.seeds) == ("undecided", "one seed", "1, 3")
    assert outcome.p is None


# --- printed digits: what rounding leaves of a verdict ---


def printed(mean, half, std=None):
    """Return a printed mean of three seeds, and its deviation with the same digits."""
    number = ufloat(mean, half, tag=ROUNDING)
    return number if std is None else number + ufloat(0, std / 3**0.5, tag=Sampled(3, half / std))


def on_digits(margin):
    return judge_number(margin, 0.05, tested=True, strict=True)


@pytest.mark.parametrize(
    ("margin", "verdict", "reason"),
    [
        (printed(0.11, 0.05) - printed(0, 0.05), "holds", ""),
        (printed(0.1, 0.05) - printed(0, 0.05), "holds", ""),  # less is out of reach
        (printed(0.09, 0.05) - printed(0, 0.05), "undecided by rounding", "holds as printed"),
        (printed(0, 0.05) - printed(0, 0.05), "undecided by rounding", "fails as printed"),
        (printed(-0.09, 0.05) - printed(0, 0.05), "undecided by rounding", "fails as printed"),
        (printed(-0.1, 0.05) - printed(0, 0.05), "fails", ""),
        (printed(1, 0.05, 0.1) - printed(0, 0.05), "holds", ""),
        (printed(0.4, 0.05, 0.1) - printed(0, 0.05), "undecided by rounding", "holds as printed"),
        (
            printed(0.2, 0.05, 0.1) - printed(0, 0.05),
            "undecided",
            "holds by other numbers that round to these",
        ),
        (printed(0.1, 0.05, 0.5) - printed(0, 0.05), "undecided", ""),
    ],
)
def test_verdict_that_rounding_turns_is_undecided_by_it(margin, verdict, reason):
    outcome = on_digits(margin)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)


def test_rounding_of_one_number_is_the_same_wherever_it_stands():
    one = printed(1, 0.05)
    assert on_digits(one - one + 0.01).verdict == "holds"
    assert on_digits(3 * one - 2.86).verdict == "undecided by rounding"


def test_digits_that_are_quoted_or_of_a_condition_are_not_rounded_again():
    margin = printed(0.01, 0.05)
    outcome = judge_number(margin, 0.05, tested=False, strict=True)
    assert (outcome.verdict, outcome.test) == ("holds", "sign")


@pytest.mark.slow
@given(
    mean=st.integers(-30, 30),
    std=st.none() | st.integers(1, 9),
    away=st.floats(-0.049, 0.049),
    wider=st.floats(-0.049, 0.049),
)
def test_decided_verdict_is_that_of_every_number_with_the_printed_digits(mean, std, away, wider):
    outcome = on_digits(printed(mean / 10, 0.05, None if std is None else std / 10))
    true = mean / 10 + away
    other = on_digits(true if std is None else mean_of(true, std / 10 + wider))
    if outcome.verdict in ("holds", "fails"):
        assert other.verdict == outcome.verdict
    if outcome.verdict == "undecided" and not outcome.reason:
        assert other.verdict == "undecided"


def test_deviations_by_n_are_told_where_they_would_turn_the_verdict():
    certain = printed(10.0, 0.0005, 1.9)  # p of 0.011 and 0.017
    assert (on_digits(certain).verdict, on_digits(certain).reason) == ("holds", "")
    near = printed(5.0, 0.0005, 1.9)  # p of 0.045 and 0.065
    assert on_digits(near).reason == "undecided if the printed deviations are by n, not n-1"
    assert on_digits(near).verdict == "holds"


# --- seeds: the paired test ---


@pytest.mark.slow
@given(st.lists(st.integers(-500, 500), min_size=2, max_size=9).filter(lambda m: len(set(m)) > 1))
def test_margins_of_seeds_give_the_p_of_scipy(hundredths):
    margins = [number / 100 for number in hundredths]
    expected = stats.ttest_1samp(margins, 0).pvalue
    assert judge_seeds(margins, 0.05).p == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_p_of_two_and_of_three_seeds_is_that_of_the_closed_form():
    # t = mean / (std / sqrt(n)); its distribution is Cauchy's for one degree of freedom
    assert paired([1, 3]) == pytest.approx(1 - 2 / math.pi * math.atan(2))
    t = 2 * math.sqrt(3)
    assert paired([1, 2, 3]) == pytest.approx(1 - t / math.sqrt(t**2 + 2))


@pytest.mark.parametrize(
    ("margins", "verdict", "p"),
    [
        ((0.5, 0.5, 0.5), "holds", 0),
        ((-0.5, -0.5), "fails", 0),
        ((0.0, 0.0, 0.0), "undecided", 1),
        ((0.1 + 0.2 - 0.3, 0.0, 0.3 - 0.1 - 0.2), "undecided", 1),  # zero but for binary fractions
        ((75.1 - 70.1, 5.0, 76.3 - 71.3), "holds", 0),
    ],
)
def test_seeds_that_all_agree_are_certain_but_for_zero(margins, verdict, p):
    outcome = judge_seeds(margins, 0.05)
    assert (outcome.verdict, outcome.p, outcome.test) == (verdict, p, "paired")
    assert outcome.seeds == str(len(margins))


@pytest.mark.parametrize(
    ("margins", "verdict"),
    [((1, 1.1, 0.9), "holds"), ((-1, -1.1, -0.9), "fails"), ((1, -1.1, 0.9), "undecided")],
)
def test_verdict_on_the_margins_of_seeds(margins, verdict):
    outcome = judge_seeds(margins, 0.05)
    assert (outcome.verdict, outcome.margin) == (verdict, pytest.approx(sum(margins) / 3))


def test_level_decides_on_seeds():
    p = paired((1, 2, 3))
    for level, verdict in ((p * 0.99, "undecided"), (p, "holds")):
        assert judge_seeds((1, 2, 3), level).verdict == verdict


# --- rounds: quartiles ---


@pytest.mark.parametrize(
    ("margins", "verdict", "median"),
    [
        ((-9, 1, 2, 3, 4), "holds", 2),
        ((9, -1, -2, -3, -4), "fails", -2),
        ((-9, -1, 2, 3, 4), "undecided", 2),
        ((-9, 0, 2, 3, 4), "undecided", 2),
        ((-3, 1), "undecided", -1),
        ((3, -0.5), "holds", 1.25),  # the quartile of two is between them
    ],
)
def test_verdict_on_the_margins_of_rounds(margins, verdict, median):
    outcome = judge_rounds(margins, tested=True, strict=True)
    assert (outcome.verdict, outcome.margin, outcome.test) == (verdict, median, "quartiles")
    assert (outcome.p, outcome.seeds) == (None, "")


@pytest.mark.parametrize(("strict", "verdict"), [(True, "fails"), (False, "holds")])
def test_sign_of_the_median_decides_where_nothing_is_tested(strict, verdict):
    outcome = judge_rounds((-1, 0, 9), tested=False, strict=strict)
    assert (outcome.verdict, outcome.test) == (verdict, "sign")
