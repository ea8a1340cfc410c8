r"""Draw how methods learn: test accuracy against epoch, and the loss of the pre-training.

Give the history.csv of any stages, each in its run's folder: the config.json beside it says which
method, seed and stage it is of. Lines are means over seeds, bands go from the lowest seed to the
highest. Losses of different methods are not of one kind; their course is what to compare.
The mean accuracies go to a CSV file too, for `dvc plots`.
Cost: a second.

Example:
    python src/plot_curves.py --history results/runs/digits/if100/*/seed*/*/history.csv \
        --config config --pdf curves.pdf --png curves.png --numbers curves.csv
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat import imbalance
from cogloat.files import writable_file, write_text
from cogloat.reporting.figures.curves import curves_of, draw, numbers, read_histories
from cogloat.reporting.figures.style import save, style
from cogloat.runs.load import load_dataset, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--history", type=Path, nargs="+", required=True, help="history.csv beside a config.json"
    )
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    parser.add_argument(
        "--numbers", type=writable_file, required=True, help="gets the accuracies, CSV"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    histories = read_histories(args.history)
    curves = curves_of(histories)
    labels = method_labels(args.config, (curve.method for curve in curves))
    first = histories[0].config
    title = f"{load_dataset(args.config, first.dataset).label}, {imbalance.title(first.factor)}"
    with style():
        save(draw(curves, labels, title), args.pdf, args.png)
    write_text(args.numbers, numbers(curves))


if __name__ == "__main__":
    main()
