r"""Make a dataset's store from its source: downloaded, from image folders or lists, or embedded.

Writes {train,test}_{images,labels}.npy and store.json. Cost: seconds for the digits, a minute and
160 MB of download for a CIFAR, minutes for large image folders.

Example:
    python src/fetch.py --dataset config/datasets/digits.yaml --output data/digits
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.config.parse import load
from cogloat.config.schema import Dataset
from cogloat.data.sources import read_source
from cogloat.data.store import write_store
from cogloat.errors import main_guard


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True, help="config/datasets/<name>.yaml")
    parser.add_argument("--output", type=Path, required=True, help="folder of the store")
    parser.add_argument(
        "--raw", type=Path, default=Path("data/raw"), help="folder of downloads (data/raw)"
    )
    return parser.parse_args()


def main() -> None:
    """Fetch."""
    args = parse_args()
    parts, classes = read_source(load(Dataset, args.dataset), args.raw)
    write_store(args.output, parts, classes)


if __name__ == "__main__":
    main_guard(main)
