r"""Make a dataset's store from its source: downloaded, from image folders or lists, or embedded.

Writes {train,test}_{images,labels}.npy, store.json, and summary.json, which it also prints: the
images of each class, their sizes, what was passed over or converted, which are equal; where the
dataset lists validation images, theirs too, and where its store has slots, train_sizes.npy. Such a
store is built in the folder `unfinished` of the output, and goes on there after a kill. Cost:
seconds for the digits, a minute and 160 MB of download for a CIFAR, minutes for large image
folders; for ImageNet-LT some 10 ms of a core for each of 186,000 images, and 87 GB.

Example:
    python src/fetch.py --config config --dataset digits --output data/digits
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Threads
from cogloat.data.sources.build import build_store
from cogloat.data.sources.read import read_source, told
from cogloat.data.sources.summary import FILE, summarise
from cogloat.data.store import verify_store, write_store
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
    parser.add_argument(
        "--verify",
        action="store_true",
        help="hold every byte of the store that is there against its hashes, and make nothing",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch."""
    args = parse_args(argv)
    dataset = load_dataset(args.config, args.dataset)
    if args.verify:
        verify_store(args.output)
        return
    if dataset.store is None:
        source = read_source(dataset, args.raw, args.threads)
        summary = summarise(told(source), source.classes, source.listing)
        write_store(args.output, source.parts, source.classes)
    else:
        summary = build_store(dataset, args.output, args.threads)
    summary.write(args.output / FILE)
    print(summary.text(), file=sys.stderr)


if __name__ == "__main__":
    main()
