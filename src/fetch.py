r"""Make a dataset's store from its source: downloaded, from image folders or lists, or embedded.

Writes {train,test}_{images,labels}.npy and store.json. Cost: seconds for the digits, a minute and
160 MB of download for a CIFAR, minutes for large image folders.

Example:
    python src/fetch.py --config config --dataset digits --output data/digits
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Threads
from cogloat.data.sources import read_source
from cogloat.data.store import write_store
from cogloat.files import writable_folder
from cogloat.runs.load import load_dataset


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="folder of the configuration")
    parser.add_argument("--dataset", required=True, help="name of a file in its datasets/")
    parser.add_argument("--output", type=writable_folder, required=True, help="folder of the store")
    parser.add_argument(
        "--raw", type=Path, default=Path("data/raw"), help="folder of downloads (data/raw)"
    )
    parser.add_argument(
        "--threads", type=of_type(Threads), default=1, help="that decode images (default: 1)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch."""
    args = parse_args(argv)
    dataset = load_dataset(args.config, args.dataset)
    parts, classes = read_source(dataset, args.raw, args.threads)
    write_store(args.output, parts, classes)


if __name__ == "__main__":
    main()
