r"""Put the metrics of many runs in one table, as CSV and Markdown, beside printed numbers if any.

The means alone also go to a JSON file, for `dvc metrics`, and the accuracies of the classes to a
CSV file of their own.

Cost: a second.

Example:
    python src/tabulate_runs.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --printed config/paper/table2.csv \
        --output results/demo/table2.csv --markdown results/demo/table2.md \
        --classes results/demo/table2_classes.csv --means results/metrics/demo/table2.json
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file, write_json, write_text
from cogloat.reporting.accuracy import accuracy_table, means, sheets
from cogloat.reporting.classes import class_table
from cogloat.reporting.commandline import (
    add_confidence,
    add_printed,
    add_table_arguments,
    write_table,
)
from cogloat.reporting.layout import to_csv
from cogloat.results.metrics import Metrics
from cogloat.results.printed import ACCURACY, read_printed
from cogloat.runs.load import dataset_labels, framework, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    add_table_arguments(parser)
    add_printed(parser)
    parser.add_argument(
        "--images",
        choices=["test", "validation"],
        default="test",
        help="whose accuracies the table has (default: test)",
    )
    add_confidence(parser)
    parser.add_argument(
        "--classes", type=writable_file, required=True, help="accuracies by class, CSV"
    )
    parser.add_argument(
        "--means", type=writable_file, required=True, help="the mean accuracies, JSON"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Metrics.read(path) for path in args.metrics]
    labels = method_labels(args.config, (run.method for run in runs))
    frameworks = {name: framework(args.config, name) for name in labels}
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    printed = read_printed(args.printed, numbers=ACCURACY)
    table = accuracy_table(runs, labels, frameworks, printed, args.confidence, args.images)
    classes = class_table(runs, args.confidence)
    write_json(args.means, means(table))
    write_text(args.classes, to_csv(classes))
    write_table(args, table, sheets(table, datasets, args.classes.name))


if __name__ == "__main__":
    main()
