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

from cogloat.arguments import of_type
from cogloat.config.types import Confidence
from cogloat.files import writable_file, write_text
from cogloat.reporting.features import KEYS, every_measure, feature_table, to_markdown
from cogloat.reporting.layout import to_csv
from cogloat.results.features import Features
from cogloat.results.printed import read_printed
from cogloat.runs.collections import FeatureConvention
from cogloat.runs.load import load_dataset, load_method


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="features.json")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--printed", type=Path, help="a paper's numbers, CSV (default: none)")
    parser.add_argument("--images", choices=["train", "test"], required=True)
    parser.add_argument("--space", choices=["projection", "backbone"], required=True)
    parser.add_argument("--pairs", choices=["ordered", "unordered"], required=True)
    parser.add_argument(
        "--confidence",
        type=of_type(Confidence),
        default=0.95,
        help="of the means' intervals (default: 0.95)",
    )
    parser.add_argument("--output", type=writable_file, required=True, help="the table, CSV")
    parser.add_argument(
        "--conventions", type=writable_file, required=True, help="every measure, CSV"
    )
    parser.add_argument("--markdown", type=writable_file, required=True, help="the table, Markdown")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Features.read(path) for path in args.features]
    methods = {run.method: load_method(args.config, run.method).label for run in runs}
    datasets = {run.dataset: load_dataset(args.config, run.dataset).label for run in runs}
    convention = FeatureConvention(images=args.images, space=args.space, pairs=args.pairs)
    measures = every_measure(runs, args.confidence)
    table = feature_table(measures, convention, methods, read_printed(args.printed, KEYS))
    write_text(args.conventions, to_csv(measures))
    write_text(args.markdown, to_markdown(table, datasets, convention, args.conventions.name))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main()
