"""The verdict on a claim or a condition, over all the columns that it is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cogloat.claims.expressions import evaluate, tables_in
from cogloat.claims.names import MissingNumberError, Vocabulary
from cogloat.claims.schema import Column, Entry
from cogloat.claims.tables import Cell, Number, Sample, Source
from cogloat.claims.verdict import (
    DIGITS,
    SEVERITY,
    Outcome,
    judge_number,
    judge_rounds,
    judge_seeds,
)
from cogloat.errors import UserError


@dataclass(frozen=True)
class Judge:
    """Decides entries by the numbers of one source.

    Attributes:
        level: of the tests.
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
        outcomes, explained = [], 0
        for column in self._columns(label, entry, entry.margin):
            for each in entry.each or (None,):
                tested = claim and not entry.quoted
                outcome = self._at(label, entry.margin, column, each, tested=tested, strict=claim)
                at = f"{column}, {each}" if each else str(column)
                outcomes.append(replace(outcome, at=at))
                if entry.instead:  # whatever the verdict, so that a mistake in it is found
                    other = (f"{label}.instead", entry.instead.margin, column, each)
                    fits = self._at(*other, tested=False, strict=False).verdict == "holds"
                    explained += fits and outcome.verdict == "fails"
        return self._over(entry, outcomes, explained)

    def _at(
        self,
        label: str,
        expression: str,
        column: Column,
        each: str | None,
        *,
        tested: bool,
        strict: bool,
    ) -> Outcome:
        """Return the verdict on an expression at one column."""
        read: list[Cell] = []

        def number(cell: Cell) -> Number:
            read.append(cell)
            return cell.number

        def value(of: Callable[[Cell], Number]) -> Number:
            return evaluate(expression, self.source, self.known, column, each, of)

        with _naming(label, expression):
            try:
                margin = value(number)
            except MissingNumberError:
                return Outcome(self.source.absent)
            samples = _common(read)
            if any(cell.timed for cell in read):
                if not samples:
                    return Outcome(self.source.absent, reason="no round has all of these times")
                _check_unit(*(value(_value_at(samples[0], factor)) for factor in (1, 2)))
                margins = [value(_value_at(sample)) for sample in samples]
                return judge_rounds(margins, tested=tested, strict=strict)
            if tested and len(samples) > 1:
                return judge_seeds([value(_value_at(sample)) for sample in samples], self.level)
        return judge_number(margin, self.level, tested=tested, strict=strict)

    def _over(self, entry: Entry, outcomes: Sequence[Outcome], explained: int) -> Outcome:
        decided = [one for one in outcomes if one.verdict in SEVERITY]
        absent = [one for one in outcomes if one.verdict not in SEVERITY]
        if not decided:
            why = dict.fromkeys(one.reason for one in absent if one.reason)
            return Outcome(self.source.absent, reason="; ".join(why))
        worst = min(decided, key=lambda one: (SEVERITY.index(one.verdict), one.margin))
        verdicts = [one.verdict for one in decided]
        verdict, reasons = worst.verdict, [worst.reason] if worst.reason else []
        if entry.instead and explained:
            failed = verdicts.count("fails")
            reasons.append(f"{entry.instead.reading} ({explained} of {failed} cells)")
        if absent:
            reasons.append(f"{len(absent)} {self.source.absent}")
            if verdict == "holds" and entry.cells != "all":
                verdict = "undecided"
        cells = f"{verdicts.count('holds')} of {len(decided)}"
        return replace(worst, verdict=verdict, cells=cells, reason="; ".join(reasons))

    def _columns(self, label: str, entry: Entry, margin: str) -> list[Column]:
        """Return an entry's columns; all: where every table that the margin names has numbers."""
        with _naming(label, margin):
            names = sorted(tables_in(margin, self.known))
            if isinstance(entry.cells, tuple):
                return list(entry.cells)
            if not names:
                raise UserError("names no table whose cells 'all' could be. List the cells.")
        if not self.source.tables.keys() >= set(names):
            return []
        tables = [[column for column, _ in self.source.tables[name].cells] for name in names]
        return [one for one in dict.fromkeys(tables[0]) if all(one in own for own in tables)]


def _common(cells: Sequence[Cell]) -> list[Sample]:
    """Return the seeds or rounds of the cells if they all have the same ones, else none."""
    first, *others = [cell.values for cell in cells] or [{}]
    return list(first) if all(other.keys() == first.keys() for other in others) else []


def _value_at(sample: Sample, factor: float = 1) -> Callable[[Cell], Number]:
    """Return what gives a cell's value of one seed or round, times a factor."""
    return lambda cell: factor * cell.values[sample]


def _check_unit(margin: Number, doubled: Number) -> None:
    """Refuse a margin that is not the same in seconds and in ratios to a method's seconds."""
    if not math.isclose(margin, doubled, abs_tol=10**-DIGITS):
        raise UserError(
            "depends on the unit of time, but measured times are ratios to the first method. "
            "Divide times by times."
        )


@contextmanager
def _naming(label: str, expression: str) -> Iterator[None]:
    """Put the entry and its expression before a message."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{label}: '{expression}': {error}") from None
