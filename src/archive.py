r"""Archive a collection's results: one ZIP file, a Workflow RO-Crate, to be published.

It has tables and figures, what each run behind them was made of and left (settings, epochs,
metrics, provenance), and the workflow. Weights and data are left out: they are large, and DVC has
them. Cost: seconds.

Example:
    python src/archive.py --collection demo --output exports/demo.crate.zip
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file
from cogloat.reporting.crate import write_crate
from cogloat.runs.load import asked_collection
from cogloat.watching import planned


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--collection", required=True, help="a name in config/config.yaml")
    parser.add_argument(
        "--root", type=Path, default=Path(), help="folder of the project (default: this one)"
    )
    parser.add_argument("--output", type=writable_file, required=True, help="gets the ZIP file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Archive."""
    args = parse_args(argv)
    config = args.root / "config"
    name, collection = asked_collection(config, args.collection)
    write_crate(args.output.absolute(), args.root, name, planned(config, collection))


if __name__ == "__main__":
    main()
