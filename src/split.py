r"""Draw a long-tailed split from a dataset's labels, as a CSV of index and label.

The drawing is Cao et al.'s; of CIFAR, with --seed 0, it is the subset of LDAM's, TSC's, PaCo's and
BCL's code.
Cost: less than a second.

Example:
    python src/split.py --labels data/digits/train_labels.npy --factor 100 --seed 0 \
        --output results/splits/digits/if100.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Seed
from cogloat.data.labels import read_labels
from cogloat.data.longtail import draw, read_split, write_split
from cogloat.files import writable_file
from cogloat.imbalance import WRITTEN, Factor


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path, required=True, help="train_labels.npy of a store")
    parser.add_argument("--factor", type=of_type(Factor), required=True, help=WRITTEN)
    parser.add_argument("--held-out", type=Path, help="images not to draw, CSV, of hold_out.py")
    parser.add_argument(
        "--seed", type=of_type(Seed), required=True, help="of the drawing, not of training"
    )
    parser.add_argument("--output", type=writable_file, required=True, help="the split, CSV")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw."""
    args = parse_args(argv)
    labels_N = read_labels(args.labels)
    held_out_M = None if args.held_out is None else read_split(args.held_out)[0]
    indices_N = draw(labels_N, args.factor, args.seed, held_out_M)
    write_split(args.output, indices_N, labels_N[indices_N])


if __name__ == "__main__":
    main()
