"""The audit: every claim, every condition and every repeated row, with its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cogloat.claims.judge import Judge
from cogloat.claims.names import vocabulary
from cogloat.claims.repetitions import repetitions
from cogloat.claims.schema import Claims
from cogloat.claims.tables import Source
from cogloat.claims.verdict import Outcome


@dataclass(frozen=True)
class Finding:
    """A claim, a condition of the tables or a repetition, by the printed and our numbers."""

    kind: Literal["claim", "consistency", "repetition"]
    id: str
    where: str
    claim: str
    printed: Outcome
    measured: Outcome | None
    caveats: tuple[str, ...] = ()


def audit(path: Path, claims: Claims, printed: Source, measured: Source | None) -> list[Finding]:
    """Return a finding for every entry, and for every pair of rows that repeats numbers.

    Args:
        path: the file of the claims, for messages.
        claims: what it holds.
        printed: the paper's numbers.
        measured: ours, if there are any.

    Raises:
        UserError: naming the entry and the expression that cannot be computed.
    """
    sources = [printed] if measured is None else [printed, measured]
    known = vocabulary(sources, claims.constants, claims.unprinted)
    judges = [Judge(claims.level, source, known) for source in sources]
    findings = []
    for section in ("claims", "consistency"):
        is_claim = section == "claims"
        for name, entry in getattr(claims, section).items():
            label = f"{path}: {section}.{name}"
            outcomes = [judge.decide(label, entry, claim=is_claim) for judge in judges]
            kind: Literal["claim", "consistency"] = "claim" if is_claim else "consistency"
            pair = _pair(outcomes)
            findings.append(Finding(kind, name, entry.where, entry.claim, *pair, entry.caveats))
    return findings + _repetitions(printed, claims.repeated_cells)


def _pair(outcomes: list[Outcome]) -> tuple[Outcome, Outcome | None]:
    return outcomes[0], outcomes[1] if len(outcomes) > 1 else None


def _repetitions(printed: Source, at_least: int) -> list[Finding]:
    findings = []
    for pair in repetitions(printed, at_least):
        tables = dict.fromkeys(name.split(".")[0] for name in (pair.first, pair.second))
        where = " and ".join(table.replace("table", "Table ") for table in tables)
        claim = f"{pair.first} and {pair.second} are different rows"
        outcome = Outcome(
            "repeated",
            cells=f"{pair.common - len(pair.same)} of {pair.common}",
            reason="equal means and deviations at " + ", ".join(map(str, pair.same)),
        )
        name = f"{pair.first}={pair.second}"
        findings.append(Finding("repetition", name, where, claim, outcome, None))
    return findings
