r"""Keep the accuracies behind tables, with their provenance, in one file for git.

Runs are in results/runs, which git does not keep. Those that the file has already stay, unless they
were made anew. Cost: a second.

Example:
    python src/keep_evidence.py --tables results/acceptance/table2.csv \
        --revision "$(git describe --always --dirty)" --output results/acceptance/evidence.json
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cogloat.files import writable_file
from cogloat.results.bits import PROVENANCE, of_table
from cogloat.results.evidence import Evidence, Kept
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Run


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tables",
        type=Path,
        nargs="+",
        required=True,
        help="of accuracies, from the project's root",
    )
    parser.add_argument("--revision", required=True, help="of the project that made them")
    parser.add_argument("--output", type=writable_file, required=True, help="the evidence, JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Keep."""
    args = parse_args(argv)
    files = (file for table in args.tables for file in of_table(table))
    today = datetime.now(UTC).date().isoformat()
    runs = tuple(
        Kept(
            made=today,
            revision=args.revision,
            metrics=Metrics.read(file),
            provenance=Run.read(file.with_name(PROVENANCE)),
        )
        for file in dict.fromkeys(files)
        if file.name == "metrics.json"
    )
    if args.output.exists():
        evidence = Evidence.read(args.output).with_more(runs)
    else:
        evidence = Evidence(runs=runs)
    evidence.write(args.output)
    print(f"kept {len(runs)} runs in {args.output}, which has {len(evidence.runs)}")


if __name__ == "__main__":
    main()
