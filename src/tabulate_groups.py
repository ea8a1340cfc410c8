r"""Put the accuracies of many runs by group of classes (many, medium, few) in one table.

Cost: a second.

Example:
    python src/tabulate_groups.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --output results/demo-full/groups.csv --markdown results/demo-full/groups.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.reporting.commandline import (
    add_confidence,
    add_printed,
    add_table_arguments,
    write_table,
)
from cogloat.reporting.groups import KEYS, groups_table, sheets
from cogloat.results.metrics import Metrics
from cogloat.results.printed import read_printed
from cogloat.runs.load import dataset_labels, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    add_table_arguments(parser)
    add_printed(parser)
    add_confidence(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Metrics.read(path) for path in args.metrics]
    labels = method_labels(args.config, (run.method for run in runs))
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    printed = read_printed(args.printed, KEYS)
    table = groups_table(runs, labels, printed, args.confidence)
    write_table(args, table, sheets(table, datasets, printed))


if __name__ == "__main__":
    main()
