"""Arguments that scripts which make a table share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cogloat.arguments import of_type
from cogloat.config.types import Confidence
from cogloat.files import writable_file, write_text
from cogloat.page import page
from cogloat.reporting.layout import Sheet, to_csv, to_markdown


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a table takes its names from, and where it goes."""
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    add_table_outputs(parser)


def add_table_outputs(parser: argparse.ArgumentParser) -> None:
    """Add where a table goes."""
    parser.add_argument("--output", type=writable_file, required=True, help="the table, CSV")
    parser.add_argument("--markdown", type=writable_file, required=True, help="the table, Markdown")
    add_page(parser)


def add_page(parser: argparse.ArgumentParser) -> None:
    """Add where a table goes to be looked at."""
    parser.add_argument(
        "--page", type=writable_file, help="the table, HTML, to sort and search (default: none)"
    )


def write_table(args: argparse.Namespace, table: pd.DataFrame, sheets: Sequence[Sheet]) -> None:
    """Write a table for programs, and for readers the sheets that say the same of it."""
    csv = to_csv(table)
    if args.page:
        above = "\n".join(sheet.html() for sheet in sheets)
        write_text(args.page, page(args.output.stem, above, table, csv, args.output.name))
    write_text(args.markdown, to_markdown(sheets))
    write_text(args.output, csv)


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
