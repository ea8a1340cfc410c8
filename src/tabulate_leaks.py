r"""Put the leaks of many encoders in one table, as CSV and Markdown.

Cost: a second.

Example:
    python src/tabulate_leaks.py --leaks results/runs/digits/if100/*/seed*/leak.json \
        --config config --output results/leaks.csv --markdown results/leaks.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.reporting.commandline import add_confidence, add_table_arguments, write_table
from cogloat.reporting.leaks import leak_table, sheets
from cogloat.results.leak import Leak
from cogloat.runs.load import dataset_labels, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--leaks", type=Path, nargs="+", required=True, help="leak.json files")
    add_table_arguments(parser)
    add_confidence(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Leak.read(path) for path in args.leaks]
    labels = method_labels(args.config, (run.method for run in runs))
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    table = leak_table(runs, labels, args.confidence)
    write_table(args, table, sheets(table, datasets))


if __name__ == "__main__":
    main()
