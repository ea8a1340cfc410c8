r"""Put the gradients of many runs in one table by shot group, and in one by class.

Cost: a second.

Example:
    python src/tabulate_gradients.py \
        --gradients results/runs/digits/if100/*/seed*/gradients.json --config config \
        --output results/demo-full/gradients.csv --markdown results/demo-full/gradients.md \
        --classes results/demo-full/gradients_classes.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file, write_text
from cogloat.reporting.commandline import add_confidence, add_table_arguments, write_table
from cogloat.reporting.gradients import class_table, gradient_table, sheets
from cogloat.reporting.layout import to_csv
from cogloat.results.gradients import Gradients
from cogloat.runs.load import dataset_labels, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gradients", type=Path, nargs="+", required=True, help="gradients.json")
    add_table_arguments(parser)
    add_confidence(parser)
    parser.add_argument("--classes", type=writable_file, required=True, help="by class, CSV")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Gradients.read(path) for path in args.gradients]
    methods = method_labels(args.config, (run.method for run in runs))
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    table = gradient_table(runs, methods, args.confidence)
    write_text(args.classes, to_csv(class_table(runs, args.confidence)))
    write_table(args, table, sheets(table, datasets, args.classes.name))


if __name__ == "__main__":
    main()
