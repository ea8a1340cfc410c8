r"""Show how far a collection is: epoch, loss, rate and remaining time of every running training.

Reads the logs and weights alone, so that it works beside a running Snakemake, on this machine or
for jobs of a cluster that share the folder. Ctrl-C ends it, and nothing else. Cost: nothing.

Example:
    python src/watch.py
    python src/watch.py --collection paper --once
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cogloat.arguments import of_type
from cogloat.config.types import Positive
from cogloat.results.epoch_line import duration
from cogloat.watching import STATES, Training, add_watched_arguments, trainings, watched

WIDTH = 140  # of lines that no terminal breaks
SHOWN = 10  # failed and silent trainings


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_watched_arguments(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--once", action="store_true", help="print and end; so it does without a terminal"
    )
    how.add_argument(
        "--counts", action="store_true", help="print the counts alone, a line whenever they change"
    )
    parser.add_argument(
        "--every", type=of_type(Positive), default=2.0, help="seconds between looks (default: 2)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Watch."""
    args = parse_args(argv)
    name, names = watched(args)

    def look() -> list[Training]:
        return trainings(names, args.logs, args.results)

    with contextlib.suppress(KeyboardInterrupt):
        if args.counts:
            follow(name, look, args.every)
        elif args.once or not sys.stdout.isatty():
            console = Console()
            console.width = console.width if console.is_terminal else WIDTH
            console.print(view(name, look()))
        else:
            with Live(view(name, look()), auto_refresh=False) as live:
                while True:
                    time.sleep(args.every)
                    live.update(view(name, look()), refresh=True)


def follow(collection: str, look: Callable[[], list[Training]], every: float) -> NoReturn:
    """Print the counts as they change, without end."""
    shown = ""
    while True:
        counts = summary(collection, look())
        if counts != shown:
            print(counts, flush=True)
        shown = counts
        time.sleep(every)


def summary(collection: str, found: Sequence[Training]) -> str:
    """Return how many trainings are in which state."""
    counts = Counter(own.state for own in found)
    parts = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    return f"{collection}: {len(found)} trainings: {parts}"


def view(collection: str, found: Sequence[Training]) -> Group:
    """Return what is shown of some trainings.

    Args:
        collection: its name.
        found: its trainings, and whichever others are running.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("training", no_wrap=True)
    for column in ("epoch", "loss", "images/s", "ETA", "said"):
        table.add_column(column, justify="right", no_wrap=True)
    for own in found:
        if own.state == "running":
            table.add_row(own.name, *_cells(own))
    troubled = [own for own in found if own.state in ("failed", "silent")]
    lines = [Text(f"{own.name}: {_trouble(own)}", style="red") for own in troubled[:SHOWN]]
    if len(troubled) > SHOWN:
        lines.append(Text(f"and {len(troubled) - SHOWN} more that failed or are silent"))
    head = Text(summary(collection, found), style="bold")
    return Group(head, *([table] if table.row_count else []), *lines)


def _cells(own: Training) -> list[str]:
    ago = f"{duration(own.age)} ago"
    if own.epoch is None:
        return ["starts", "", "", "", ago]
    last = own.epoch
    done, loss = f"{last.epoch}/{last.epochs}", last.values.get("loss", "")
    return [done, loss, f"{last.rate:.0f}", duration(max(last.left - own.age, 0)), ago]


def _trouble(own: Training) -> str:
    if own.state == "failed":
        return f"failed: {own.said}"
    reached = f" after epoch {own.epoch.epoch}/{own.epoch.epochs}" if own.epoch else ""
    return f"has said nothing for {duration(own.age)}{reached}: killed, or the job waits to go on"


if __name__ == "__main__":
    main()
