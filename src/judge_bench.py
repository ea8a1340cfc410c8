r"""End with an error if a number of the bench is beyond its bound. Cost: a second.

Example:
    python src/judge_bench.py --table results/bench/table.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.reporting.bench import check_bounds, read_bench_table


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--table", type=Path, required=True, help="the bench's table, CSV, of tabulate_bench.py"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Judge."""
    path = parse_args(argv).table
    check_bounds(path, read_bench_table(path))


if __name__ == "__main__":
    main()
