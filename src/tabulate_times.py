r"""Put the timings of many data sets in one table, beside the paper's numbers (Table 4).

Ratios are to the first method of the first file, KCL in the paper. Cost: a second.

Example:
    python src/tabulate_times.py --times results/demo-full/times/digits/if100.csv \
        --config config --paper config/paper/table4.csv \
        --output results/demo-full/table4.csv --markdown results/demo-full/table4.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.config.load import load_method, load_named_dataset
from cogloat.errors import main_guard
from cogloat.files import write_text
from cogloat.reporting.printed import read_printed
from cogloat.reporting.raw_times import read_timings
from cogloat.reporting.times import PRINTED, time_table, to_csv, to_markdown


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--times", type=Path, nargs="+", required=True, help="raw timings, CSV, of time_epochs.py"
    )
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--paper", type=Path, required=True, help="the printed numbers, CSV")
    parser.add_argument("--output", type=Path, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=Path, required=True, help="the table, Markdown")
    return parser.parse_args()


def main() -> None:
    """Tabulate."""
    args = parse_args()
    timings = read_timings(args.times)
    names = timings["method"].unique()
    methods = {name: load_method(args.config, name).label for name in names}
    names = timings["dataset"].unique()
    datasets = {name: load_named_dataset(args.config, name).label for name in names}
    table = time_table(timings, methods, read_printed(args.paper, PRINTED))
    write_text(args.markdown, to_markdown(table, datasets))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main_guard(main)
