r"""Draw each method's accuracy per class against the class's training images, one panel a method.

Points are means over seeds. The line through them is the mean of the classes that have half to
twice as many images. The reference method stands behind the others in grey. Cost: a second.

Example:
    python src/plot_frequency.py --metrics results/runs/digits/if100/*/seed*/metrics.json \
        --config config --reference ce --pdf frequency.pdf --png frequency.png
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat import imbalance
from cogloat.errors import UserError, nearest
from cogloat.files import writable_file
from cogloat.reporting.figures.frequency import draw, panels_of, read_comparable
from cogloat.reporting.figures.style import save, style
from cogloat.runs.load import load_dataset, method_labels


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files")
    parser.add_argument("--config", type=Path, required=True, help="folder with the labels")
    parser.add_argument("--reference", required=True, help="method behind the others, such as ce")
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    runs = read_comparable(args.metrics)
    methods = method_labels(args.config, (run.method for run in runs))
    if args.reference not in methods:
        raise UserError(
            f"--reference {args.reference}: none of the runs is of it. "
            f"{nearest(args.reference, methods)}"
        )
    panels = panels_of(runs, methods)
    title = f"{load_dataset(args.config, runs[0].dataset).label}, {imbalance.title(runs[0].factor)}"
    with style():
        save(draw(panels, args.reference, runs[0].class_counts, title), args.pdf, args.png)


if __name__ == "__main__":
    main()
