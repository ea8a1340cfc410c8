r"""Draw the gradients of every class, the largest first: a panel a part, a line a method.

Lines are means over seeds. Cost: a second.

Example:
    python src/plot_magnitudes.py \
        --gradients results/runs/digits/if100/*/seed*/gradients.json --config config \
        --pdf gradients.pdf --png gradients.png
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.files import writable_file
from cogloat.reporting.figures.magnitudes import draw
from cogloat.reporting.figures.style import save, style
from cogloat.results.gradients import Gradients
from cogloat.runs.load import load_dataset, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gradients", type=Path, nargs="+", required=True, help="gradients.json")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    runs = [Gradients.read(path) for path in args.gradients]
    methods = method_labels(args.config, (run.method for run in runs))
    dataset = load_dataset(args.config, runs[0].dataset).label
    with style():
        save(draw(runs, methods, dataset), args.pdf, args.png)


if __name__ == "__main__":
    main()
