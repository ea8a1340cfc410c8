r"""Draw a long-tailed split from a dataset's labels, as a CSV of index and label.

The drawing is Cao et al.'s; with --seed 0 the subset is that of every published number.
Cost: less than a second.

Example:
    python src/split.py --labels data/digits/train_labels.npy --factor 100 --seed 0 \
        --output results/splits/digits/if100.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cogloat.data.longtail import draw, write_split
from cogloat.errors import UserError, main_guard


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path, required=True, help="train_labels.npy of a store")
    parser.add_argument("--factor", type=float, required=True, help="largest over smallest class")
    parser.add_argument("--seed", type=int, required=True, help="of the drawing, not of training")
    parser.add_argument("--output", type=Path, required=True, help="the split, CSV")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw."""
    args = parse_args(argv)
    try:
        labels_N = np.load(args.labels)
    except (ValueError, EOFError):
        raise UserError(f"{args.labels}: not an array of labels. Fetch the data again.") from None
    indices_N = draw(labels_N, args.factor, args.seed)
    write_split(args.output, indices_N, labels_N[indices_N])


if __name__ == "__main__":
    main_guard(main)
