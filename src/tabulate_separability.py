r"""Put the separability of the rarest classes, of many runs, in one table.

Cost: a second.

Example:
    python src/tabulate_separability.py \
        --separability results/runs/digits/if100/*/seed*/separability4.json --config config \
        --output results/demo-full/separability.csv --markdown results/demo-full/separability.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.reporting.commandline import add_confidence, add_table_arguments, write_table
from cogloat.reporting.separability import separability_table, sheets
from cogloat.results.separability import Separability
from cogloat.runs.load import dataset_labels, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--separability", type=Path, nargs="+", required=True, help="separability4.json"
    )
    add_table_arguments(parser)
    add_confidence(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Separability.read(path) for path in args.separability]
    methods = method_labels(args.config, (run.method for run in runs))
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    table = separability_table(runs, methods, args.confidence)
    write_table(args, table, sheets(table, datasets))


if __name__ == "__main__":
    main()
