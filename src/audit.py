r"""Decide what the paper says by the numbers of its own tables, and by ours where there are any.

Claims and conditions are expressions in config/claims.yaml. Cost: seconds.

Example:
    python src/audit.py --claims config/claims.yaml --paper config/paper \
        --measured results/demo --output results/claims.csv --markdown results/claims.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.claims.audit import audit
from cogloat.claims.report import to_csv, to_markdown, to_overview, to_page
from cogloat.claims.schema import load_claims
from cogloat.claims.tables import read_measured, read_printed
from cogloat.errors import UserError
from cogloat.files import writable_file, write_text
from cogloat.reporting.commandline import add_page


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--claims", type=Path, required=True, help="config/claims.yaml")
    parser.add_argument("--paper", type=Path, required=True, help="folder of the printed tables")
    parser.add_argument("--measured", type=Path, help="folder of our tables, table<N>.csv")
    parser.add_argument("--output", type=writable_file, required=True, help="the findings, CSV")
    parser.add_argument(
        "--markdown", type=writable_file, required=True, help="the findings, Markdown"
    )
    add_page(parser)
    parser.add_argument(
        "--overview", type=writable_file, help="what was reproduced, reStructuredText"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Audit."""
    args = parse_args(argv)
    if args.overview and not args.measured:
        raise UserError(
            "--overview: it says what was reproduced. Give --measured, or leave it out."
        )
    claims = load_claims(args.claims)
    printed = read_printed(args.paper, claims.printed_seeds)
    measured = read_measured(args.measured, printed, claims.unprinted) if args.measured else None
    findings = audit(args.claims, claims, printed, measured)
    write_text(args.markdown, to_markdown(findings, claims))
    if args.overview and measured:
        write_text(args.overview, to_overview(findings, measured.columns()))
    if args.page:
        write_text(args.page, to_page(findings, args.output.name))
    write_text(args.output, to_csv(findings))


if __name__ == "__main__":
    main()
