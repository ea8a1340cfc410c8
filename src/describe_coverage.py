r"""Write, in pages, what of the paper has been made: by what is configured, tested and kept.

A page has lines `<!-- tables -->`, `<!-- methods by tables -->`, `<!-- runs -->` or `<!-- demo -->`
and, below each, a line `<!-- end -->`; what stands between them is replaced. Cost: two seconds.

Example:
    python src/describe_coverage.py --config config --small tests/bits.json \
        --evidence results/*/evidence.json --pages README.md docs/coverage.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from cogloat.errors import UserError
from cogloat.files import writable_file, write_text
from cogloat.markup import filled
from cogloat.reporting.coverage import (
    at_whole_budget,
    by_method,
    evidence_table,
    made,
    matrix,
    summary,
    verdicts,
)
from cogloat.results.bits import Published
from cogloat.results.evidence import Evidence
from cogloat.results.printed import ACCURACY, CELL, read_printed
from cogloat.runs.load import load_workflow

NOTHING = "None yet.\n"


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="folder of the configuration")
    parser.add_argument(
        "--small", type=Path, required=True, help="hashes of the tiny runs of every method, JSON"
    )
    parser.add_argument(
        "--evidence", type=Path, nargs="*", default=[], help="of keep_evidence.py, JSON"
    )
    parser.add_argument(
        "--demo", type=Path, help="the demo's table, Markdown; without it that block stays"
    )
    parser.add_argument(
        "--pages", type=writable_file, nargs="+", required=True, help="pages, Markdown"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Describe."""
    args = parse_args(argv)
    paper = load_workflow(args.config).collections["paper"]
    small = {Path(name).parts[0] for name in Published.read(args.small).files}
    runs = made(map(Evidence.read, args.evidence))
    numbers = read_printed(args.config / "paper" / "table2.csv", CELL, ACCURACY)
    printed = {
        (row["method"], row["dataset"], row["factor"]): row["mean"]
        for row in numbers.to_dict("records")
    }
    whole = at_whole_budget(args.config, runs)
    parts = {
        "tables": summary(paper, small, whole).markdown(),
        "methods by tables": matrix(args.config, paper, small, whole).markdown(),
        "runs": by_method(args.config, runs).markdown() if runs else NOTHING,
        "every run": evidence_table(args.config, runs, printed).markdown() if runs else NOTHING,
        "verdicts": verdicts(args.config, runs) or NOTHING,
    }
    if args.demo is not None:
        parts["demo"] = args.demo.read_text()
    texts = {page: _filled(page, parts) for page in args.pages}
    for page, text in texts.items():
        write_text(page, text)


def _filled(page: Path, parts: Mapping[str, str]) -> str:
    """Return a page's text with new parts in its blocks.

    Raises:
        UserError: if it has no block.
    """
    text, found = page.read_text(), False
    for name, part in parts.items():
        if (new := filled(text, name, part)) is not None:
            text, found = new, True
    if not found:
        names = ", ".join(f"'<!-- {name} -->'" for name in parts)
        raise UserError(
            f"{page}: has none of the lines {names} with a line '<!-- end -->' below it. Give a "
            "page that has."
        )
    return text


if __name__ == "__main__":
    main()
