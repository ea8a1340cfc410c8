r"""Say what a collection will cost before it is made: hours, memory and disk, as CSV and Markdown.

By table, method, dataset and factor; what several tables share counts once. Times stand on
calibrations of the datasets on the machine that is meant (calibrate.py), where there are some, and
otherwise on the rates in config/datasets. Needs no torch and no data. Cost: seconds.

Example:
    python src/plan.py --config config --collection demo \
        --calibration results/calibration/digits.json --splits results/splits --at-once 2 \
        --output results/demo/plan.csv --markdown results/demo/plan.md \
        --jobs results/demo/plan_jobs.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Count
from cogloat.errors import UserError, nearest
from cogloat.files import writable_file, write_text
from cogloat.reporting.commandline import add_table_arguments
from cogloat.reporting.layout import to_csv
from cogloat.reporting.plan import plan_table, to_markdown
from cogloat.results.calibration import Calibration
from cogloat.results.jobs import write_jobs
from cogloat.runs.collections import Collection
from cogloat.runs.load import dataset_labels, load_workflow, method_labels
from cogloat.runs.plan import Planner, planned_jobs, together


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--collection", required=True, help="a name in config.yaml")
    parser.add_argument(
        "--calibration",
        type=Path,
        nargs="*",
        default=[],
        help="of calibrate.py, one a dataset (default: none, but the rates in config/datasets)",
    )
    parser.add_argument(
        "--splits",
        type=Path,
        default=Path("results/splits"),
        help="folder of long-tailed sets; the images of those that are there are counted",
    )
    parser.add_argument(
        "--at-once",
        type=of_type(Count),
        default=1,
        help="jobs that run at the same time, for the time by the clock (default: 1)",
    )
    add_table_arguments(parser)
    parser.add_argument("--jobs", type=writable_file, help="gets every job, CSV (default: none)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plan."""
    args = parse_args(argv)
    collection = _collection(args.config, args.collection)
    calibrations = _calibrations(args.calibration)
    rows = Planner(args.config, calibrations, args.splits).rows(collection)
    if not rows:
        raise UserError(f"collection '{args.collection}': nothing in it is trained or measured.")
    datasets = dataset_labels(args.config, {row.dataset for row in rows})
    methods = method_labels(args.config, {row.method for row in rows})
    write_text(args.markdown, to_markdown(rows, datasets, methods, calibrations, args.at_once))
    if args.jobs is not None:
        write_jobs(args.jobs, planned_jobs(together(rows)))
    write_text(args.output, to_csv(plan_table(rows)))


def _collection(config: Path, name: str) -> Collection:
    collections = load_workflow(config).collections
    if name not in collections:
        raise UserError(
            f"--collection {name}: {config / 'config.yaml'} does not list it. "
            f"{nearest(name, collections)}"
        )
    return collections[name]


def _calibrations(paths: Sequence[Path]) -> dict[str, Calibration]:
    """Return calibrations by their datasets.

    Raises:
        UserError: if one is damaged, or two are of one dataset.
    """
    found: dict[str, Calibration] = {}
    for path in paths:
        own = Calibration.read(path)
        if own.dataset in found:
            raise UserError(
                f"{path}: dataset: '{own.dataset}' has another calibration. Leave one out."
            )
        found[own.dataset] = own
    return found


if __name__ == "__main__":
    main()
