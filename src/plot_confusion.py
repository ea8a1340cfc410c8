r"""Draw what each method takes the test images of every class for, one panel a method.

A row is a class, a column what its images are taken for, in percent of the class: means over
seeds. Classes stand in the order of their training images, by their names where there are at most
20. Reads the confusion.csv beside each metrics.json. Cost: seconds.

Example:
    python src/plot_confusion.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --pdf confusion.pdf --png confusion.png
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat import imbalance
from cogloat.files import writable_file
from cogloat.reporting.figures.confusion import draw, panels_of, read_counts
from cogloat.reporting.figures.frequency import read_comparable
from cogloat.reporting.figures.style import save, style
from cogloat.runs.load import load_dataset, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    runs = read_comparable(args.metrics)
    counts = read_counts(args.metrics, runs)
    methods = method_labels(args.config, (run.method for run in runs))
    panels = panels_of(runs, counts, methods)
    title = f"{load_dataset(args.config, runs[0].dataset).label}, {imbalance.title(runs[0].factor)}"
    with style():
        save(draw(panels, runs[0], title), args.pdf, args.png)


if __name__ == "__main__":
    main()
