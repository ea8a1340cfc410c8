r"""Draw the temperature of every class (eq. 8) against its rank and its number of images.

One line a configuration with an adaptive temperature; a constant one is a dashed line across.
Cost: a second.

Example:
    python src/plot_temperatures.py \
        --config results/runs/digits/if{100,10}/cogloat/seed0/pretrain/config.json \
        --split results/splits/digits/if{100,10}.csv \
        --pdf temperatures.pdf --png temperatures.png
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.errors import UserError
from cogloat.files import writable_file
from cogloat.reporting.figures.style import save, style
from cogloat.reporting.figures.temperatures import draw, read_temperatures


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", type=Path, nargs="+", required=True, help="of pretrain stages, a line each"
    )
    parser.add_argument(
        "--split", type=Path, nargs="+", required=True, help="their splits, in that order"
    )
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    if len(args.config) != len(args.split):
        raise UserError(
            f"--config has {len(args.config)} files, --split {len(args.split)}. "
            "Give a split for every configuration, in the same order."
        )
    adaptive, constants = read_temperatures(args.config, args.split)
    with style():
        save(draw(adaptive, constants), args.pdf, args.png)


if __name__ == "__main__":
    main()
