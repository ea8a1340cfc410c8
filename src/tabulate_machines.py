r"""Put what many trainings ran on in one table: a row a process, as CSV; a line a kind of machine.

Cost: a second.

Example:
    python src/tabulate_machines.py \
        --provenance results/runs/digits/if100/*/seed*/*/provenance.json \
        --output results/demo/machines.csv --markdown results/demo/machines.md
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file, write_text
from cogloat.reporting.commandline import add_table_outputs, write_table
from cogloat.reporting.machines import machine_table, sheets, to_overview
from cogloat.results.provenance import Stage


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--provenance", type=Path, nargs="+", required=True, help="provenance.json of stages"
    )
    add_table_outputs(parser)
    parser.add_argument(
        "--overview", type=writable_file, help="the lines alone, reStructuredText (default: none)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Tabulate."""
    args = parse_args(argv)
    table = machine_table({path.parent: Stage.read(path) for path in args.provenance})
    if args.overview:
        write_text(args.overview, to_overview(table))
    write_table(args, table, sheets(table))


if __name__ == "__main__":
    main()
