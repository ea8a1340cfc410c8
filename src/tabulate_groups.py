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

from cogloat.arguments import of_type
from cogloat.config.types import Confidence
from cogloat.files import writable_file, write_text
from cogloat.reporting.groups import KEYS, groups_table, to_markdown
from cogloat.reporting.layout import to_csv
from cogloat.results.metrics import Metrics
from cogloat.results.printed import read_printed
from cogloat.runs.load import load_dataset, load_method


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--printed", type=Path, help="a paper's numbers, CSV (default: none)")
    parser.add_argument(
        "--confidence",
        type=of_type(Confidence),
        default=0.95,
        help="of the means' intervals (default: 0.95)",
    )
    parser.add_argument("--output", type=writable_file, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=writable_file, required=True, help="the table, Markdown")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Metrics.read(path) for path in args.metrics]
    labels = {run.method: load_method(args.config, run.method).label for run in runs}
    datasets = {run.dataset: load_dataset(args.config, run.dataset).label for run in runs}
    printed = read_printed(args.printed, KEYS)
    table = groups_table(runs, labels, printed, args.confidence)
    write_text(args.markdown, to_markdown(table, datasets))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main()
