"""The audit as CSV, as Markdown and as a report's first page. Imports no torch."""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd

from cogloat.claims.audit import Finding
from cogloat.claims.schema import Claims
from cogloat.claims.verdict import Outcome, Verdict
from cogloat.markup import markdown, restructured
from cogloat.page import page

DETAILS = ["margin", "at", "test", "p", "cells", "seeds", "reason"]
COLUMNS = [
    *("kind", "id", "where", "claim", "caveats"),
    *("printed", *(f"printed_{detail}" for detail in DETAILS)),
    *("measured", *(f"measured_{detail}" for detail in DETAILS)),
]
KINDS = ("consistency", "repetition", "claim")  # the plainest contradictions first
SHOWN = 4  # of a part of the overview, so that all parts are on a screen
SECTIONS: dict[str, tuple[Verdict, ...]] = {
    "Contradicted": ("fails", "repeated"),
    "Undecided": ("undecided", "undecided by rounding"),
    "Holds": ("holds",),
    "No table decides": ("no table", "not printed", "not measured"),
}

MEASURED = (
    "By measured numbers it is decided by the t-test on the margins of the single seeds (paired), "
    "as a seed gives every method the same order of images and the same initial weights, or by "
    "Welch's test where not all numbers behind a margin are of the same seeds or their single "
    "values are not known; one seed decides nothing. Measured times are ratios within rounds: a "
    "claim about them is decided where the middle half of the rounds' margins is on one side of "
    "zero (quartiles), and its margin is their median. "
)


def to_csv(findings: Sequence[Finding]) -> str:
    """Return the findings as CSV text, in the order they have, numbers with four digits."""
    return _table_of(findings).to_csv(index=False, float_format="%.4g", lineterminator="\n")


def to_page(findings: Sequence[Finding], file: str) -> str:
    """Return the findings as HTML, to sort and search.

    Args:
        findings: in the order they have.
        file: what their CSV is saved as.
    """
    above = f"<p>{html.escape(_summary(findings))}</p>"
    first = ["where", "claim", "printed", "measured"]
    table = _table_of(findings)
    table = table[[*first, *table.columns.difference(first, sort=False)]]
    return page("claims", above, table, to_csv(findings), file)


def to_markdown(findings: Sequence[Finding], claims: Claims) -> str:
    """Return the findings as Markdown, a section a verdict, the worse of the two."""
    measured = any(finding.measured for finding in findings)
    lines = ["# What the paper says, and what its tables say", "", _summary(findings), ""]
    for title, verdicts in SECTIONS.items():
        own = [finding for finding in findings if _worst(finding) in verdicts]
        if own:
            lines += [f"## {title} ({len(own)})", "", *_table(own, measured=measured), ""]
    caveats = [f"- {name}: {markdown(text)}" for name, text in claims.caveats.items()]
    if caveats:
        lines += ["## Caveats", "", *caveats, ""]
    return "\n".join([*lines, _legend(claims, measured=measured), ""])


def to_overview(findings: Sequence[Finding], measured_on: Sequence[str]) -> str:
    """Return as reStructuredText what was reproduced, what was not, and what contradicts itself.

    Each part shows its first few findings; the page of all is named `claims.html`.

    Args:
        findings: by the printed numbers and ours.
        measured_on: the data that ours are of.
    """
    claims = [finding for finding in findings if finding.kind == "claim"]

    def measured(verdict: Verdict) -> list[Finding]:
        return [own for own in claims if own.measured and own.measured.verdict == verdict]

    contradicted = [own for own in findings if own.printed.verdict in ("fails", "repeated")]
    parts = {
        "Reproduced": measured("holds"),
        "Not reproduced": measured("fails"),
        "Not decided by the runs there are": measured("undecided"),
        "Where the paper's own numbers contradict it": sorted(
            contradicted, key=lambda own: KINDS.index(own.kind)
        ),
    }
    lines = [f"Measured on {restructured(', '.join(measured_on))}.", ""]
    for title, found in parts.items():
        lines += [f"**{title} ({len(found)})**", ""]
        lines += [_item(own) for own in found[:SHOWN]] or ["- nothing"]
        if len(found) > SHOWN:
            lines.append(f"- and {len(found) - SHOWN} more: `claims.html`_")
        lines.append("")
    return "\n".join(lines)


def _table_of(findings: Sequence[Finding]) -> pd.DataFrame:
    return pd.DataFrame([_row(finding) for finding in findings], columns=COLUMNS)


def _item(finding: Finding) -> str:
    claim, where = map(restructured, (finding.claim, finding.where))
    return f"- {claim} *({where})*"


def _row(finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": finding.kind,
        "id": finding.id,
        "where": finding.where,
        "claim": finding.claim,
        "caveats": " ".join(finding.caveats),
    }
    for name, outcome in (("printed", finding.printed), ("measured", finding.measured)):
        if outcome is not None:
            row[name] = outcome.verdict
            row |= {f"{name}_{detail}": getattr(outcome, detail) for detail in DETAILS}
    return row


def _worst(finding: Finding) -> Verdict:
    order = [verdict for verdicts in SECTIONS.values() for verdict in verdicts]
    verdicts = [outcome.verdict for outcome in (finding.printed, finding.measured) if outcome]
    return min(verdicts, key=order.index)


def _summary(findings: Sequence[Finding]) -> str:
    verdicts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for finding in findings:
        verdicts[finding.kind][finding.printed.verdict] += 1
    claims, conditions = verdicts["claim"], verdicts["consistency"]
    return (
        f"By the printed numbers, of {claims.total()} claims {claims['fails']} fail, "
        f"{claims['undecided']} are undecided, {claims['undecided by rounding']} more by the "
        f"rounding of the digits, {claims['holds']} hold, and "
        f"{claims['no table'] + claims['not printed']} are decided by no table. Of "
        f"{conditions.total()} conditions that correct tables meet, {conditions['fails']} fail. "
        f"Repeated rows: {verdicts['repetition'].total()}."
    )


def _table(findings: Sequence[Finding], *, measured: bool) -> list[str]:
    headers = ["Where", "Kind", "Statement", "Caveats", "Printed"] + ["Measured"] * measured
    rows = []
    for finding in findings:
        where, claim = map(markdown, (finding.where, finding.claim))
        caveats = markdown(", ".join(finding.caveats))
        cells = [where, finding.kind, claim, caveats, _cell(finding.printed)]
        if measured:
            cells.append(_cell(finding.measured) if finding.measured else "")
        rows.append(cells)
    return [f"| {' | '.join(row)} |" for row in (headers, ["---"] * len(headers), *rows)]


def _cell(outcome: Outcome) -> str:
    """Return for example `fails, 0 of 6; -6.2 at cifar100 IF 50, welch, p 0.0003`."""
    reason = markdown(outcome.reason)
    if outcome.verdict in SECTIONS["No table decides"]:
        return reason or outcome.verdict
    text = f"**{outcome.verdict}**, {outcome.cells}"
    if outcome.margin is not None:
        text += f"; {outcome.margin:+.3g} at {markdown(outcome.at)}"
    if outcome.test not in ("sign", ""):
        text += f", {outcome.test}"
    if outcome.p is not None:
        text += f", p {outcome.p:.2g}"
    return text + (f"; {reason}" if reason else "")


def _legend(claims: Claims, *, measured: bool) -> str:
    return (
        "Each cell: the verdict, in how many of the cells (columns of a table) the statement "
        "holds, then the margin where it is smallest among the cells with that verdict; a "
        "positive margin agrees. A claim about means over training seeds is decided two-sided at "
        f"{claims.level:g}: by printed numbers by Welch's test (welch), with "
        f"{claims.printed_seeds} seeds behind each printed deviation, taken as a sample's (n-1); "
        "numbers printed without a deviation count as exact but for their rounding. Undecided by "
        "rounding: for other means and deviations that round to these the verdict is another. "
        f"{MEASURED * measured}No correction is made for many tests. "
        "Quoted digits, exact numbers and conditions on the tables are decided by the sign."
    )
