r"""Put the measures of many feature spaces in one table, beside printed numbers if any.

The table is of one convention; a second file has every measure by all of them. Cost: a second.

Example:
    python src/tabulate_features.py --features results/runs/digits/if100/*/seed*/features.json \
        --config config --printed config/paper/table1.csv \
        --images train --space projection --pairs unordered \
        --output results/demo-full/table1.csv --markdown results/demo-full/table1.md \
        --conventions results/demo-full/table1_conventions.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file, write_text
from cogloat.reporting.commandline import (
    add_confidence,
    add_printed,
    add_table_arguments,
    write_table,
)
from cogloat.reporting.features import KEYS, every_measure, feature_table, sheets
from cogloat.reporting.layout import to_csv
from cogloat.results.features import Features
from cogloat.results.printed import read_printed
from cogloat.runs.collections import FeatureConvention
from cogloat.runs.load import dataset_labels, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="features.json")
    add_table_arguments(parser)
    add_printed(parser)
    parser.add_argument("--images", choices=["train", "test"], required=True)
    parser.add_argument("--space", choices=["projection", "backbone"], required=True)
    parser.add_argument("--pairs", choices=["ordered", "unordered"], required=True)
    add_confidence(parser)
    parser.add_argument(
        "--conventions", type=writable_file, required=True, help="every measure, CSV"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Features.read(path) for path in args.features]
    methods = method_labels(args.config, (run.method for run in runs))
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    convention = FeatureConvention(images=args.images, space=args.space, pairs=args.pairs)
    measures = every_measure(runs, args.confidence)
    table = feature_table(measures, convention, methods, read_printed(args.printed, KEYS))
    write_text(args.conventions, to_csv(measures))
    write_table(args, table, sheets(table, datasets, convention, args.conventions.name))


if __name__ == "__main__":
    main()
