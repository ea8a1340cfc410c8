r"""Put the metrics of many runs in one table, beside the paper's numbers, as CSV and Markdown.

Cost: a second.

Example:
    python src/tabulate_runs.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --paper config/paper/table2.csv \
        --output results/demo/table2.csv --markdown results/demo/table2.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from cogloat.config.load import load_method, load_named_dataset
from cogloat.errors import UserError, main_guard
from cogloat.files import write_text
from cogloat.reporting.table import PRINTED, RUN, accuracy_table, to_csv, to_markdown


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--paper", type=Path, required=True, help="the printed numbers, CSV")
    parser.add_argument("--output", type=Path, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=Path, required=True, help="the table, Markdown")
    return parser.parse_args()


def main() -> None:
    """Tabulate."""
    args = parse_args()
    runs = [_read_run(path) for path in args.metrics]
    methods = {run["method"]: load_method(args.config, run["method"]).label for run in runs}
    datasets = {
        run["dataset"]: load_named_dataset(args.config, run["dataset"]).label for run in runs
    }
    table = accuracy_table(runs, methods, _read_printed(args.paper))
    write_text(args.markdown, to_markdown(table, datasets))
    write_text(args.output, to_csv(table))


def _read_run(path: Path) -> dict[str, Any]:
    try:
        run = json.loads(path.read_text())
        missing = [key for key in RUN if key not in run]
    except (ValueError, TypeError):
        raise UserError(f"{path}: not JSON. Evaluate the run again.") from None
    if missing:
        raise UserError(f"{path}: '{missing[0]}' is missing. Evaluate the run again.")
    return {key: run[key] for key in RUN}


def _read_printed(path: Path) -> pd.DataFrame:
    printed = pd.read_csv(path)
    if list(printed.columns) != PRINTED:
        raise UserError(f"{path}: its columns must be {', '.join(PRINTED)}. Mend the header.")
    return printed


if __name__ == "__main__":
    main_guard(main)
