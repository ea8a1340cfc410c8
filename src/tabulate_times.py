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

from cogloat.files import writable_file, write_text
from cogloat.reporting.layout import to_csv
from cogloat.reporting.times import PARTS, time_table, to_markdown
from cogloat.results.printed import read_printed
from cogloat.results.timings import read_timings
from cogloat.runs.load import load_dataset, load_method


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--times", type=Path, nargs="+", required=True, help="raw timings, CSV, of time_epochs.py"
    )
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument(
        "--part", choices=[*PARTS], default="epoch", help="what is timed (default: an epoch)"
    )
    parser.add_argument("--printed", type=Path, help="a paper's numbers, CSV (default: none)")
    parser.add_argument("--output", type=writable_file, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=writable_file, required=True, help="the table, Markdown")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    timings = read_timings(args.times)
    names = timings["method"].unique()
    methods = {name: load_method(args.config, name).label for name in names}
    names = timings["dataset"].unique()
    datasets = {name: load_dataset(args.config, name).label for name in names}
    table = time_table(timings, methods, read_printed(args.printed), args.part)
    write_text(args.markdown, to_markdown(table, datasets))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main()
