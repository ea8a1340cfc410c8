r"""Write the training curves of a collection for TensorBoard: losses, rates, accuracies by epoch.

Reads the logs and histories alone, beside a running Snakemake or after it; with --follow again and
again, until Ctrl-C. Cost: nothing.

Example:
    python src/log_curves.py --collection demo --output exports/tensorboard
    tensorboard --logdir exports/tensorboard
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence

from cogloat.arguments import of_type
from cogloat.boards import Board
from cogloat.config.types import Positive
from cogloat.files import writable_folder
from cogloat.watching import add_watched_arguments, watched


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_watched_arguments(parser)
    parser.add_argument(
        "--output", type=writable_folder, required=True, help="folder that TensorBoard shows"
    )
    parser.add_argument(
        "--follow", type=of_type(Positive), help="seconds between looks (default: look once)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Write."""
    args = parse_args(argv)
    name, names = watched(args)
    board = Board(args.output)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            if written := board.update(names, args.logs, args.results):
                print(
                    f"{name}: epochs written to {args.output}: {written}",
                    file=sys.stderr,
                    flush=True,
                )
            if args.follow is None:
                return
            time.sleep(args.follow)


if __name__ == "__main__":
    main()
