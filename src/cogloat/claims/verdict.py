"""The verdict on one margin: by a test on its seeds, by its rounds, or by its sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from uncertainties import nominal_value

from cogloat.claims.tables import Absent, Number

Verdict = Literal["fails", "repeated", "undecided", "holds", Absent, "no table"]
Test = Literal["paired", "welch", "quartiles", "sign", ""]
SEVERITY: list[Verdict] = ["fails", "undecided", "holds"]
DIGITS = 9  # of a margin: what is below is rounding of binary fractions


@dataclass(frozen=True)
class Outcome:
    """A verdict on one cell, or on all of an entry's.

    Attributes:
        margin: the smallest of those that have the verdict.
        at: where it is.
        test: what decided on that margin, or left it undecided; "" where nothing can.
        p: two-sided, of a margin that is zero in truth; None where no test was made.
        seeds: numbers of training seeds behind that margin.
        cells: in how many of how many cells the entry holds.
        reason: what explains the verdict.
    """

    verdict: Verdict
    margin: float | None = None
    at: str = ""
    test: Test = ""
    p: float | None = None
    seeds: str = ""
    cells: str = ""
    reason: str = ""


def judge_number(margin: Number, level: float, *, tested: bool, strict: bool) -> Outcome:
    """Return the verdict on a margin of means: Welch's test where they are uncertain.

    Args:
        margin: a float, exact, or a value with uncertainties.
        level: of the test.
        tested: False to decide an uncertain margin by its sign.
        strict: whether an exact zero fails.
    """
    value = _rounded(float(nominal_value(margin)))
    parts = {mean: error for mean, error in _components(margin).items() if error != 0}
    seeds = ", ".join(map(str, sorted({mean.tag for mean in parts})))
    if not (tested and parts):
        return Outcome(_by_sign(value, strict), value, test="sign", seeds=seeds)
    if any(mean.tag == 1 for mean in parts):
        return Outcome("undecided", value, seeds=seeds, reason="one seed")
    p = welch(margin)
    verdict = _by_sign(value, strict) if p <= level else "undecided"
    return Outcome(verdict, value, test="welch", p=p, seeds=seeds)


def judge_seeds(margins: Sequence[float], level: float) -> Outcome:
    """Return the verdict on the margins of two training seeds or more, by a paired test.

    A seed gives all methods the same order of images and the same initial weights. What it does to
    all of them alike is in every mean but in no margin, which Welch's test cannot know.
    """
    exact = [_rounded(margin) for margin in margins]
    value, p = float(np.mean(exact)), paired(exact)
    verdict = _by_sign(value, strict=True) if p <= level else "undecided"
    return Outcome(verdict, _rounded(value), test="paired", p=p, seeds=str(len(exact)))


def judge_rounds(margins: Sequence[float], *, tested: bool, strict: bool) -> Outcome:
    """Return the verdict on the margins of rounds: undecided where zero is within the quartiles.

    Rounds time one training again and are no sample of trainings, so no p is given.

    Args:
        margins: one a round.
        tested: False to decide by the sign of the median.
        strict: whether a median of exact zero fails then.
    """
    lower, median, upper = (_rounded(float(cut)) for cut in np.quantile(margins, (0.25, 0.5, 0.75)))
    if not tested:
        return Outcome(_by_sign(median, strict), median, test="sign")
    if len(margins) == 1:
        return Outcome("undecided", median, reason="one round")
    verdict: Verdict = "holds" if lower > 0 else "fails" if upper < 0 else "undecided"
    return Outcome(verdict, median, test="quartiles")


def welch(margin: Number) -> float:
    """Return the two-sided p of a margin whose true value is zero, by Welch's test.

    The margin is (to first order) linear in independent means, each with its standard error and
    tagged with its number of seeds; the degrees of freedom are Welch and Satterthwaite's.
    """
    parts = [(error**2, mean.tag - 1) for mean, error in margin.error_components().items()]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / free for part, free in parts)
    return float(2 * stats.t.sf(abs(margin.nominal_value) / variance**0.5, freedom))


def paired(margins: Sequence[float]) -> float:
    """Return the two-sided p of margins whose true mean is zero, by the one-sample t-test."""
    if len(set(margins)) == 1:  # no deviation: certain, but for a margin of zero
        return 0.0 if margins[0] else 1.0
    return float(stats.ttest_1samp(margins, 0).pvalue)


def _by_sign(value: float, strict: bool) -> Verdict:
    return "holds" if value > 0 or (value == 0 and not strict) else "fails"


def _rounded(value: float) -> float:
    return round(value, DIGITS) + 0.0  # not -0.0


def _components(margin: Number) -> dict:
    return getattr(margin, "error_components", dict)()
