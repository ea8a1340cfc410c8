r"""Measure how fast the training is, in the ratios and counts of config/bench.yaml, as raw CSV.

Everything takes turns on this machine's processor, on images that are made up unless a store is
given. A group with a number beyond its bound is measured once more. What was found is printed;
tabulate_bench.py makes files of it, judge_bench.py says whether it holds. Cost: 5 minutes on two
idle cores.

Example:
    python src/bench.py --config config --only views operations --output measured.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.bench.measure import Measurement
from cogloat.config.reading import load
from cogloat.config.types import Threads
from cogloat.files import writable_file
from cogloat.reporting.bench import bench_table, failing_groups, to_markdown
from cogloat.results.measured import write_measured
from cogloat.runs.bench import Bench


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="folder of the configuration")
    parser.add_argument(
        "--only", nargs="+", metavar="GROUP", help="groups of bench.yaml (default: all)"
    )
    parser.add_argument(
        "--store",
        type=Path,
        help="folder made by fetch.py, whose first images are taken (default: made-up images)",
    )
    parser.add_argument(
        "--threads", type=of_type(Threads), default=1, help="CPU threads (default: 1)"
    )
    parser.add_argument(
        "--output", type=writable_file, required=True, help="gets the measured numbers, CSV"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    args = parse_args(argv)
    bench = load(Bench, args.config / "bench.yaml")
    groups = bench.chosen(args.only or bench.groups)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        measurement = Measurement(args.config, bench, Path(folder), args.threads, args.store)
        lines = measurement.measure(groups)
        if again := bench.chosen(failing_groups(bench_table(lines, bench))):
            print(f"beyond a bound, measured again: {', '.join(again)}", file=sys.stderr)
            repeated = measurement.measure(again)
            lines = [line for line in lines if line.group not in again] + repeated
    write_measured(args.output, lines)
    print(to_markdown(bench_table(lines, bench)))


if __name__ == "__main__":
    main()
