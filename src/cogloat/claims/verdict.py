"""The verdict on one margin: by a test on its seeds, by its rounds, or by its sign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats
from uncertainties import nominal_value

from cogloat.claims.tables import ROUNDING, Absent, Number, error_components

Verdict = Literal[
    "fails", "repeated", "undecided", "undecided by rounding", "holds", Absent, "no table"
]
Test = Literal["paired", "welch", "quartiles", "sign", ""]
SEVERITY: list[Verdict] = ["fails", "undecided", "undecided by rounding", "holds"]
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

    A printed number stands for all that round to it. Where, within what this allows margin and
    deviations to be, another verdict is found, rounding leaves it undecided.

    Args:
        margin: a float, exact, or a value with uncertainties.
        level: of the test.
        tested: False to decide by the sign of the margin as it is.
        strict: whether an exact zero fails.
    """
    value = _rounded(float(nominal_value(margin)))
    parts, rounding = _parts(margin)
    seeds = ", ".join(map(str, sorted({part.seeds for part in parts})))
    if not tested:
        return Outcome(_by_sign(value, strict), value, test="sign", seeds=seeds)
    if any(part.seeds == 1 for part in parts):
        return Outcome("undecided", value, seeds=seeds, reason="one seed")
    p = _p(value, parts) if parts else None
    outcome = Outcome(
        _decided(value, parts, level, strict=strict),
        value,
        test="welch" if parts else "sign",
        p=p,
        seeds=seeds,
    )
    return _if_rounded(outcome, value, parts, rounding, level) if rounding else outcome


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
    tagged `Sampled`; the degrees of freedom are Welch and Satterthwaite's.
    """
    return _p(nominal_value(margin), _parts(margin)[0])


def paired(margins: Sequence[float]) -> float:
    """Return the two-sided p of margins whose true mean is zero, by the one-sample t-test."""
    if len(set(margins)) == 1:  # no deviation: certain, but for a margin of zero
        return 0.0 if margins[0] else 1.0
    return float(stats.ttest_1samp(margins, 0).pvalue)


def _by_sign(value: float, strict: bool) -> Verdict:
    return "holds" if value > 0 or (value == 0 and not strict) else "fails"


def _rounded(value: float) -> float:
    return round(value, DIGITS) + 0.0  # not -0.0


class _Part(NamedTuple):
    """The part of a margin's standard error that is of one mean."""

    error: float
    seeds: int
    rounding: float

    def grown(self, by: float) -> _Part:
        return self._replace(error=self.error * by)


def _parts(margin: Number) -> tuple[list[_Part], float]:
    """Return the parts of a margin's error, and how far rounding may have moved it."""
    found = error_components(margin).items()
    rounding = sum(error for mean, error in found if mean.tag == ROUNDING)
    sampled = [(error, mean.tag) for mean, error in found if mean.tag != ROUNDING and error != 0]
    return [_Part(error, *tag) for error, tag in sampled], rounding


def _p(value: float, parts: Sequence[_Part]) -> float:
    variance = sum(part.error**2 for part in parts)
    freedom = variance**2 / sum(part.error**4 / (part.seeds - 1) for part in parts)
    return float(2 * stats.t.sf(abs(value) / variance**0.5, freedom))


def _decided(value: float, parts: Sequence[_Part], level: float, *, strict: bool) -> Verdict:
    if parts and _p(value, parts) > level:
        return "undecided"
    return _by_sign(value, strict)


def _if_rounded(
    outcome: Outcome, value: float, parts: Sequence[_Part], rounding: float, level: float
) -> Outcome:
    """Return an outcome on printed digits, with what other numbers that round to them change."""
    ends = {
        # no number rounds from the very end: there, a margin of zero is on the side it comes from
        _decided(
            _rounded(value + side * rounding),
            [part.grown(1 + wider * part.rounding) for part in parts],
            level,
            strict=side > 0,
        )
        for side, wider in product((-1, 1), repeat=2)
    }
    verdict, reasons = outcome.verdict, []
    others = sorted(ends - {verdict})
    if others and verdict == "undecided":
        reasons.append(f"{' or '.join(others)} by other numbers that round to these")
    elif others:
        reasons.append(f"{verdict} as printed")
        verdict = "undecided by rounding"
    population = [part.grown(math.sqrt(part.seeds / (part.seeds - 1))) for part in parts]
    if outcome.p is not None and outcome.p <= level < _p(value, population):
        reasons.append("undecided if the printed deviations are by n, not n-1")
    return replace(outcome, verdict=verdict, reason="; ".join(reasons))
