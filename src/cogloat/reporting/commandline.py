"""Arguments that scripts which make a table share."""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Confidence
from cogloat.files import writable_file


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a table takes its names from, and where it goes."""
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--output", type=writable_file, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=writable_file, required=True, help="the table, Markdown")


def add_confidence(parser: argparse.ArgumentParser) -> None:
    """Add that of the intervals, where what is shown are means over seeds."""
    parser.add_argument(
        "--confidence",
        type=of_type(Confidence),
        default=0.95,
        help="of the means' intervals (default: 0.95)",
    )


def add_printed(parser: argparse.ArgumentParser) -> None:
    """Add the file of the numbers that stand beside the table's."""
    parser.add_argument("--printed", type=Path, help="a paper's numbers, CSV (default: none)")
