r"""Say whether runs are as they are known to be: by the windows in config/, as CSV and Markdown.

Cost: a second.

Example:
    python src/tabulate_acceptance.py \
        --metrics results/runs/cifar10/if100/{ce,ldam_drw}/seed0/metrics.json --config config \
        --difference ldam_drw ce 3.5 8.5 \
        --output results/acceptance/acceptance.csv --markdown results/acceptance/acceptance.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from cogloat.errors import UserError
from cogloat.reporting.acceptance import acceptance_table, sheets
from cogloat.reporting.commandline import add_table_arguments, write_table
from cogloat.results.metrics import Metrics
from cogloat.runs.collections import Difference
from cogloat.runs.load import dataset_labels, expectations, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument(
        "--difference",
        nargs=4,
        action="append",
        default=[],
        metavar=("METHOD", "LESS", "LOW", "HIGH"),
        help="from what to what the accuracy of a method, less that of another, is expected",
    )
    add_table_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    runs = [Metrics.read(path) for path in args.metrics]
    labels = method_labels(args.config, (run.method for run in runs))
    datasets = dataset_labels(args.config, (run.dataset for run in runs))
    differences = [_difference(*known) for known in args.difference]
    table = acceptance_table(runs, labels, expectations(args.config, labels), differences)
    write_table(args, table, sheets(table, datasets))


def _difference(method: str, less: str, low: str, high: str) -> Difference:
    """Return a difference that was given on the command line."""
    given = {"method": method, "less": less, "window": (low, high)}
    try:
        return Difference.model_validate(given, strict=False)
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UserError(
            f"--difference {method} {less} {low} {high}: {what}. Give two methods and two numbers."
        ) from None


if __name__ == "__main__":
    main()
