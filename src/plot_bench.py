r"""Draw what the bench measured beside goals (hollow) and bounds (a stroke). Cost: a second.

Example:
    python src/plot_bench.py --table results/bench/table.csv --pdf figure.pdf --png figure.png
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file
from cogloat.reporting.bench import read_bench_table
from cogloat.reporting.figures.bench import draw
from cogloat.reporting.figures.style import save, style


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--table", type=Path, required=True, help="the bench's table, CSV, of tabulate_bench.py"
    )
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    table = read_bench_table(args.table)
    with style():
        save(draw(table), args.pdf, args.png)


if __name__ == "__main__":
    main()
