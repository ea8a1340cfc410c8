r"""Put the timings of many data sets in one table, beside printed numbers if any (Table 4).

Ratios are to the first method of the first file, KCL in the paper. Cost: a second.

Example:
    python src/tabulate_times.py --times results/demo-full/times/digits/if100.csv \
        --config config --printed config/paper/table4.csv \
        --output results/demo-full/table4.csv --markdown results/demo-full/table4.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.reporting.commandline import add_printed, add_table_arguments, write_table
from cogloat.reporting.times import PARTS, sheets, time_table
from cogloat.results.printed import read_printed
from cogloat.results.timings import read_timings
from cogloat.runs.load import dataset_labels, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--times", type=Path, nargs="+", required=True, help="raw timings, CSV, of time_epochs.py"
    )
    add_table_arguments(parser)
    parser.add_argument(
        "--part", choices=[*PARTS], default="epoch", help="what is timed (default: an epoch)"
    )
    add_printed(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    timings = read_timings(args.times)
    methods = method_labels(args.config, timings["method"])
    datasets = dataset_labels(args.config, timings["dataset"])
    table = time_table(timings, methods, read_printed(args.printed), args.part)
    write_table(args, table, sheets(table, datasets))


if __name__ == "__main__":
    main()
