r"""Put the measures of many feature spaces in one table, beside the paper's (Table 1).

Cost: a second.

Example:
    python src/tabulate_features.py --features results/runs/digits/if100/*/seed*/features.json \
        --config config --paper config/paper/table1.csv \
        --images train --space projection --pairs unordered \
        --output results/demo-full/table1.csv --markdown results/demo-full/table1.md \
        --conventions results/demo-full/table1_conventions.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.config.load import load_method, load_named_dataset
from cogloat.config.workflow import FeatureConvention
from cogloat.errors import main_guard
from cogloat.files import write_text
from cogloat.reporting.features import (
    PRINTED,
    Run,
    every_measure,
    feature_table,
    to_csv,
    to_markdown,
)
from cogloat.reporting.printed import read_printed
from cogloat.reporting.results import read_result


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="features.json")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--paper", type=Path, required=True, help="the printed numbers, CSV")
    parser.add_argument("--images", choices=["train", "test"], required=True)
    parser.add_argument("--space", choices=["projection", "backbone"], required=True)
    parser.add_argument("--pairs", choices=["ordered", "unordered"], required=True)
    parser.add_argument(
        "--confidence", type=float, default=0.95, help="of the means' intervals (default: 0.95)"
    )
    parser.add_argument("--output", type=Path, required=True, help="the table, CSV")
    parser.add_argument("--conventions", type=Path, required=True, help="every measure, CSV")
    parser.add_argument("--markdown", type=Path, required=True, help="the table, Markdown")
    return parser.parse_args()


def main() -> None:
    """Tabulate."""
    args = parse_args()
    runs = [read_result(Run, path, "Measure the run again") for path in args.features]
    methods = {run.method: load_method(args.config, run.method).label for run in runs}
    datasets = {run.dataset: load_named_dataset(args.config, run.dataset).label for run in runs}
    convention = FeatureConvention(images=args.images, space=args.space, pairs=args.pairs)
    measures = every_measure([run.model_dump() for run in runs], args.confidence)
    table = feature_table(measures, convention, methods, read_printed(args.paper, PRINTED))
    write_text(args.conventions, to_csv(measures))
    write_text(args.markdown, to_markdown(table, datasets, convention))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main_guard(main)
