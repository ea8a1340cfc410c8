r"""Draw what each reading of the paper changes: accuracy, and measures of its encoder beside it.

Each method of a table is compared with the table's first one, seed by seed. The rows are the
methods of accuracy tables; a table of features adds the ratios of Table 1, with a paper's own ratio
as a line, one of gradients their ratios, one of leaks what batch statistics give away. The numbers
go to a CSV file too. Cost: a second.

Example:
    python src/plot_readings.py --accuracy results/readings/readings_pair.csv \
        --accuracy results/readings/readings_temperatures.csv \
        --images validation --features results/readings/readings_spaces.csv --config config \
        --printed config/paper/table1.csv --printed-dataset cifar10 \
        --printed-methods cogloat_proco kcl --dataset cifar10_readings --factor 100 \
        --pdf readings.pdf --png readings.png --numbers readings.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat import imbalance
from cogloat.arguments import of_type
from cogloat.config.types import Confidence
from cogloat.errors import UserError
from cogloat.files import writable_file, write_text
from cogloat.reporting.features import KEYS
from cogloat.reporting.figures.readings import (
    compare,
    draw,
    printed_ratios,
    read_accuracies,
    read_columns,
)
from cogloat.reporting.figures.style import save, style
from cogloat.reporting.layout import to_csv
from cogloat.results.printed import read_printed
from cogloat.runs.load import load_dataset

ACCURACY = {"test": "Test accuracy", "validation": "Accuracy on held-out images"}


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--accuracy",
        type=Path,
        action="append",
        required=True,
        help="a group of rows: a table of tabulate_runs.py, CSV; once or more",
    )
    parser.add_argument(
        "--images", choices=[*ACCURACY], default="test", help="whose accuracies (default: test)"
    )
    parser.add_argument("--features", type=Path, help="a table of tabulate_features.py, CSV")
    parser.add_argument("--gradients", type=Path, help="a table of tabulate_gradients.py, CSV")
    parser.add_argument("--leaks", type=Path, help="a table of tabulate_leaks.py, CSV")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--printed", type=Path, help="a paper's measures, CSV (default: none)")
    parser.add_argument("--printed-dataset", help="whose of them")
    parser.add_argument(
        "--printed-methods",
        nargs=2,
        metavar=("METHOD", "REFERENCE"),
        help="the two of them whose ratio is shown",
    )
    parser.add_argument("--dataset", required=True, help="of the rows")
    parser.add_argument(
        "--factor", type=of_type(imbalance.Factor), required=True, help=imbalance.WRITTEN
    )
    parser.add_argument(
        "--confidence",
        type=of_type(Confidence),
        default=0.95,
        help="of the intervals (default: 0.95)",
    )
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--numbers", type=writable_file, required=True, help="gets them, CSV")
    args = parser.parse_args(argv)
    needed = (args.printed, args.printed_dataset, args.printed_methods)
    if None in needed and any(value is not None for value in needed):
        parser.error("--printed, --printed-dataset and --printed-methods: give all of them or none")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    where = (args.dataset, args.factor)
    groups = {path.stem: read_accuracies(path, *where, args.images) for path in args.accuracy}
    given = {kind: getattr(args, kind) for kind in ("features", "gradients", "leaks")}
    tables = {kind: path for kind, path in given.items() if path is not None}
    columns = read_columns(tables, *where)
    table = compare(groups, columns, _printed(args), args.confidence)
    heading = f"{load_dataset(args.config, args.dataset).label}, {imbalance.title(args.factor)}"
    with style():
        figure = draw(table, list(columns), heading, ACCURACY[args.images])
        write_text(args.numbers, to_csv(table))
        save(figure, args.pdf, args.png)


def _printed(args: argparse.Namespace) -> dict[str, float]:
    if args.printed is None:
        return {}
    printed = read_printed(args.printed, KEYS)
    try:
        return printed_ratios(printed, args.printed_dataset, args.factor, *args.printed_methods)
    except UserError as error:
        raise UserError(f"{args.printed}: {error}") from None


if __name__ == "__main__":
    main()
