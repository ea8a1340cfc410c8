r"""Put what the bench measured in a table with a goal beside each number. Cost: a second.

Example:
    python src/tabulate_bench.py --measured results/bench/measured.csv --config config \
        --output results/bench/table.csv --markdown results/bench/table.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.config.reading import load
from cogloat.files import writable_file, write_text
from cogloat.reporting.bench import bench_table, to_markdown
from cogloat.reporting.layout import to_csv
from cogloat.results.measured import read_measured
from cogloat.runs.bench import Bench


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--measured", type=Path, required=True, help="measured numbers, CSV, of bench.py"
    )
    parser.add_argument("--config", type=Path, required=True, help="folder with bench.yaml")
    parser.add_argument("--output", type=writable_file, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=writable_file, required=True, help="the table, Markdown")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    bench = load(Bench, args.config / "bench.yaml")
    table = bench_table(read_measured(args.measured), bench)
    write_text(args.markdown, to_markdown(table))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main()
