r"""Put the metrics of many runs in one table, beside the paper's numbers, as CSV and Markdown.

The means alone also go to a JSON file, for `dvc metrics`.

Cost: a second.

Example:
    python src/tabulate_runs.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --paper config/paper/table2.csv \
        --output results/demo/table2.csv --markdown results/demo/table2.md \
        --means results/metrics/demo/table2.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.config.load import load_method, load_named_dataset
from cogloat.errors import main_guard
from cogloat.files import write_json, write_text
from cogloat.reporting.printed import read_printed
from cogloat.reporting.results import read_result
from cogloat.reporting.table import PRINTED, Run, accuracy_table, means, to_csv, to_markdown


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--paper", type=Path, required=True, help="the printed numbers, CSV")
    parser.add_argument(
        "--confidence", type=float, default=0.95, help="of the means' intervals (default: 0.95)"
    )
    parser.add_argument("--output", type=Path, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=Path, required=True, help="the table, Markdown")
    parser.add_argument("--means", type=Path, required=True, help="the mean accuracies, JSON")
    return parser.parse_args()


def main() -> None:
    """Tabulate."""
    args = parse_args()
    runs = [read_result(Run, path, "Evaluate the run again") for path in args.metrics]
    methods = {run.method: load_method(args.config, run.method).label for run in runs}
    datasets = {run.dataset: load_named_dataset(args.config, run.dataset).label for run in runs}
    metrics = [run.model_dump() for run in runs]
    printed = read_printed(args.paper, PRINTED)
    table = accuracy_table(metrics, methods, printed, args.confidence)
    write_json(args.means, means(table))
    write_text(args.markdown, to_markdown(table, datasets))
    write_text(args.output, to_csv(table))


if __name__ == "__main__":
    main_guard(main)
