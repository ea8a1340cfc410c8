"""The verdict on a claim: Welch's test where numbers are means over seeds, else the sign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from scipy import stats
from uncertainties import nominal_value

from cogloat.claims.expressions import evaluate, tables_in
from cogloat.claims.names import MissingNumberError, Vocabulary
from cogloat.claims.tables import Absent, Number, Source
from cogloat.config.claims import Entry, Place
from cogloat.errors import UserError

Verdict = Literal["fails", "repeated", "undecided", "holds", Absent, "no table"]
SEVERITY: list[Verdict] = ["fails", "undecided", "holds"]
DIGITS = 9  # of a margin: what is below is rounding of binary fractions


@dataclass(frozen=True)
class Outcome:
    """A verdict on one cell, or on all of an entry's.

    Attributes:
        margin: the smallest of those that have the verdict.
        at: where it is.
        p: two-sided, of Welch's test on that margin; None where the sign alone decides.
        seeds: numbers of seeds behind that margin's uncertainty.
        cells: in how many of how many cells the entry holds.
        reason: what explains the verdict.
    """

    verdict: Verdict
    margin: float | None = None
    at: str = ""
    p: float | None = None
    seeds: str = ""
    cells: str = ""
    reason: str = ""


def welch(margin: Number) -> float:
    """Return the two-sided p of a margin whose true value is zero, by Welch's test.

    The margin is (to first order) linear in independent means, each with its standard error and
    tagged with its number of seeds; the degrees of freedom are Welch and Satterthwaite's.
    """
    parts = [(error**2, mean.tag - 1) for mean, error in margin.error_components().items()]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / free for part, free in parts)
    return float(2 * stats.t.sf(abs(margin.nominal_value) / variance**0.5, freedom))


def judge_margin(margin: Number, level: float, *, tested: bool, strict: bool) -> Outcome:
    """Return the verdict on one margin.

    Args:
        margin: a float, exact, or a value with uncertainties.
        level: of the test.
        tested: False to decide an uncertain margin by its sign.
        strict: whether an exact zero fails.
    """
    value = round(float(nominal_value(margin)), DIGITS) + 0.0  # not -0.0
    by_sign: Verdict = "holds" if value > 0 or (value == 0 and not strict) else "fails"
    parts = {mean: error for mean, error in _components(margin).items() if error != 0}
    seeds = ", ".join(map(str, sorted({mean.tag for mean in parts})))
    if not (tested and parts):
        return Outcome(by_sign, value, seeds=seeds)
    if any(mean.tag == 1 for mean in parts):
        return Outcome("undecided", value, seeds=seeds, reason="one seed")
    p = welch(margin)
    return Outcome(by_sign if p <= level else "undecided", value, p=p, seeds=seeds)


@dataclass(frozen=True)
class Judge:
    """Decides entries by the numbers of one source.

    Attributes:
        level: of the test.
        source: the tables that give the numbers.
        known: the names of expressions.
    """

    level: float
    source: Source
    known: Vocabulary

    def decide(self, label: str, entry: Entry, *, claim: bool) -> Outcome:
        """Return the verdict over all cells of an entry.

        It fails if a cell fails, else is undecided if a cell is, else holds.

        Args:
            label: the file and the key of the entry, for messages.
            entry: a claim, which zero does not fulfil, or a condition, which zero does.
            claim: which of the two. A condition, or a claim that quotes digits, is about the
                digits and not about the runs behind them: the sign decides.

        Raises:
            UserError: if an expression cannot be computed.
        """
        if entry.margin is None:
            return Outcome("no table", reason=entry.reason or "")
        outcomes, missing, explained = [], 0, 0
        for place in self._places(label, entry, entry.margin):
            for each in entry.each or (None,):
                margin = self._value(label, entry.margin, place, each)
                if margin is None:
                    missing += 1
                    continue
                tested = claim and not entry.quoted
                outcome = judge_margin(margin, self.level, tested=tested, strict=claim)
                at = f"{place}, {each}" if each else str(place)
                outcomes.append(replace(outcome, at=at))
                fits = self._fits(label, entry, place, each)
                explained += fits and outcome.verdict == "fails"
        return self._over(entry, outcomes, missing, explained)

    def _over(self, entry: Entry, outcomes: list[Outcome], missing: int, explained: int) -> Outcome:
        if not outcomes:
            return Outcome(self.source.absent)
        worst = min(outcomes, key=lambda one: (SEVERITY.index(one.verdict), one.margin))
        verdicts = [one.verdict for one in outcomes]
        verdict, reasons = worst.verdict, [worst.reason] if worst.reason else []
        if entry.instead and explained:
            failed = verdicts.count("fails")
            reasons.append(f"{entry.instead.reading} ({explained} of {failed} cells)")
        if missing:
            reasons.append(f"{missing} {self.source.absent}")
            if verdict == "holds" and entry.cells != "all":
                verdict = "undecided"
        cells = f"{verdicts.count('holds')} of {len(outcomes)}"
        return replace(worst, verdict=verdict, cells=cells, reason="; ".join(reasons))

    def _places(self, label: str, entry: Entry, margin: str) -> list[Place]:
        """Return an entry's places; all: where every table that the margin names has numbers."""
        with _naming(label, margin):
            names = sorted(tables_in(margin, self.known))
            if isinstance(entry.cells, tuple):
                return list(entry.cells)
            if not names:
                raise UserError("names no table whose cells 'all' could be. List the cells.")
        if not self.source.tables.keys() >= set(names):
            return []
        tables = [[place for place, _ in self.source.tables[name].cells] for name in names]
        return [place for place in dict.fromkeys(tables[0]) if all(place in own for own in tables)]

    def _value(self, label: str, margin: str, place: Place, each: str | None) -> Number | None:
        with _naming(label, margin):
            try:
                return evaluate(margin, self.source, self.known, place, each)
            except MissingNumberError:
                return None

    def _fits(self, label: str, entry: Entry, place: Place, each: str | None) -> bool:
        """Say whether the entry's other reading explains a cell."""
        if entry.instead is None:
            return False
        margin = self._value(f"{label}.instead", entry.instead.margin, place, each)
        if margin is None:
            return False
        return judge_margin(margin, self.level, tested=False, strict=False).verdict == "holds"


def _components(margin: Number) -> dict:
    return getattr(margin, "error_components", dict)()


@contextmanager
def _naming(label: str, expression: str) -> Iterator[None]:
    """Put the entry and its expression before a message."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{label}: '{expression}': {error}") from None
