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

from cogloat.arguments import of_type
from cogloat.config.types import Confidence
from cogloat.files import writable_file, write_text
from cogloat.reporting.layout import to_csv
from cogloat.reporting.leaks import leak_table, to_markdown
from cogloat.results.leak import Leak
from cogloat.runs.load import load_dataset, load_method


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--leaks", type=Path, nargs="+", required=True, help="leak.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
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
    runs = [Leak.read(path) for path in args.leaks]
    labels = {run.method: load_method(args.config, run.method).label for run in runs}
    datasets = {run.dataset: load_dataset(args.config, run.dataset).label for run in runs}
    table = leak_table(runs, labels, args.confidence)
    write_text(args.markdown, to_markdown(table, datasets))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main()
