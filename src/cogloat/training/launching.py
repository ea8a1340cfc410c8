"""A training by several processes on one machine: how they are started and stopped.

Each is the same command again, with torchrun's variables. Started by torchrun itself, on one
machine or on several, the command is a rank at once, and nothing of this takes part.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cogloat.arguments import of_type
from cogloat.config.types import Threads
from cogloat.errors import UserError
from cogloat.methods.settings import Training
from cogloat.ranks import EXIT_ALONE
from cogloat.training.resume import WARNING_SIGNALS

STOPS = (*WARNING_SIGNALS, signal.SIGHUP, signal.SIGQUIT)
TIME_TO_SAVE = 240  # seconds that a stopped rank has, of the five minutes that a cluster gives
QUIET = (EXIT_ALONE, -signal.SIGTERM)  # of ranks that ended because another one had


def add_processes_argument(parser: argparse.ArgumentParser) -> None:
    """Add --processes to a script."""
    parser.add_argument(
        "--processes",
        type=of_type(Threads),
        default=1,
        help="that share each batch, each on a GPU of its own if there are some (default: 1); "
        "torchrun, if it starts this script, says so itself",
    )


def check_processes(settings: Training, processes: int, config: Path) -> None:
    """Check that the groups of a method's batch can be divided among some processes.

    Raises:
        UserError: if they cannot.
    """
    if processes == 1:
        return
    if not settings.distributed:
        raise UserError(
            f"{config}: '{settings.objective}' is trained by one process, not by {processes}: its "
            "room does not share its batches. Use --processes 1."
        )
    if settings.groups % processes:
        raise UserError(
            f"{config}: the batch has {settings.groups} batch-norm groups (`groups`), which "
            f"{processes} processes cannot share equally. Use --processes "
            f"{_divisors(settings.groups)}; other groups are another method."
        )


def _divisors(number: int) -> str:
    """Return a number's divisors, as "1, 2 or 4"."""
    *others, last = (str(own) for own in range(1, number + 1) if number % own == 0)
    return f"{', '.join(others)} or {last}" if others else last


def run_ranks(processes: int, command: Sequence[str]) -> int:
    """Run a command as so many ranks; return the exit status of the training.

    The first rank has this process's output. What another one says is shown if it was the one that
    went wrong.

    Args:
        processes: how many.
        command: a script and its arguments.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.CRITICAL)  # the launcher's own account of what a rank has said
    with tempfile.TemporaryDirectory(prefix="cogloat_ranks_") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=str(os.getpid()),
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(
                folder, redirects=dict.fromkeys(range(1, processes), Std.ERR)
            ),
            signals_to_handle=",".join(number.name for number in STOPS),
            shutdown_timeout=TIME_TO_SAVE,
        )
        try:
            elastic_launch(config, sys.executable)(*command)
        except SignalException as stop:
            return 128 + stop.sigval
        except ChildFailedError as failed:
            return _tell(failed.failures, processes, Path(folder))
    return 0


def _tell(failures: Mapping[int, Any], processes: int, folder: Path) -> int:
    """Show what the rank has said that was the cause; return its exit status."""
    statuses = {rank: failures[rank].exitcode for rank in sorted(failures)}
    causes = [rank for rank, status in statuses.items() if status not in QUIET]
    rank = (causes or list(statuses))[0]
    status = statuses[rank]
    if status < 0:
        number = signal.Signals(-status)
        print(
            f"error: process {rank + 1} of {processes} was ended by {number.name}. The same "
            "command goes on from what was saved; if it was for want of memory, use fewer "
            "processes.",
            file=sys.stderr,
        )
        return 128 + number
    if rank > 0:
        for said in folder.glob(f"*/*/{rank}/stderr.log"):
            sys.stderr.write(said.read_text(errors="replace"))
    return int(status)
