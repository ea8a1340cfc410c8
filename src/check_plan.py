r"""Compare what a plan expected trainings to take with what they took, as CSV and Markdown.

A training that has not ended is left out, so that this can be asked for at any time. Cost: seconds.

Example:
    python src/check_plan.py --jobs results/demo/plan_jobs.csv --runs results/runs \
        --benchmarks benchmarks --output results/demo/plan_check.csv \
        --markdown results/demo/plan_check.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.errors import UserError
from cogloat.files import writable_file, write_text
from cogloat.reporting.layout import to_csv
from cogloat.reporting.plan_check import comparison, to_markdown
from cogloat.results.jobs import read_jobs
from cogloat.runs.files import STAGES


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=Path, required=True, help="of plan.py, CSV")
    parser.add_argument("--runs", type=Path, default=Path("results/runs"), help="folder of runs")
    parser.add_argument(
        "--benchmarks",
        type=Path,
        default=Path("benchmarks"),
        help="folder of Snakemake's benchmarks",
    )
    parser.add_argument("--output", type=writable_file, required=True, help="every training, CSV")
    parser.add_argument("--markdown", type=writable_file, required=True, help="medians, Markdown")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = parse_args(argv)
    jobs = [job for job in read_jobs(args.jobs) if job.job in STAGES]
    table = comparison(jobs, args.runs, args.benchmarks)
    if table.empty:
        raise UserError(
            f"{args.runs}: none of the {len(jobs)} trainings of {args.jobs} has ended. Make the "
            "collection first, or a part of it."
        )
    write_text(args.markdown, to_markdown(table, jobs))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main()
