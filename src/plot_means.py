r"""Draw the means of a table with their intervals: a line a method, a panel a measure or group.

Hollow points are the paper's. Of times, the ratios to the first method. Cost: a second.

Example:
    python src/plot_means.py --table results/demo-full/groups.csv --config config \
        --pdf groups.pdf --png groups.png
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file
from cogloat.reporting.figures.means import draw, read_points
from cogloat.reporting.figures.style import save, style
from cogloat.runs.load import dataset_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, required=True, help="a table of results/, CSV")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    points = read_points(args.table)
    datasets = dataset_labels(args.config, (point.dataset for point in points))
    with style():
        save(draw(points, datasets), args.pdf, args.png)


if __name__ == "__main__":
    main()
