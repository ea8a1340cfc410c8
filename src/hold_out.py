r"""Hold images out of training: as many of every class, as a CSV of index and label.

The best epoch is chosen and sweeps are judged by them. Cost: less than a second.

Example:
    python src/hold_out.py --labels data/digits/train_labels.npy --images-per-class 10 --seed 0 \
        --output results/validation/digits.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Count, Seed
from cogloat.data.labels import read_labels
from cogloat.data.longtail import hold_out, write_split
from cogloat.files import writable_file


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path, required=True, help="train_labels.npy of a store")
    parser.add_argument(
        "--images-per-class", type=of_type(Count), required=True, help="that are held out"
    )
    parser.add_argument(
        "--seed", type=of_type(Seed), required=True, help="of the drawing, not of training"
    )
    parser.add_argument("--output", type=writable_file, required=True, help="the images, CSV")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw."""
    args = parse_args(argv)
    labels_N = read_labels(args.labels)
    indices_M = hold_out(labels_N, args.images_per_class, args.seed)
    write_split(args.output, indices_M, labels_N[indices_M])


if __name__ == "__main__":
    main()
