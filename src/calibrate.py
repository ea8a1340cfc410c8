r"""Measure what work on a dataset costs on this machine, without its data: a calibration, JSON.

Each kind of work that the collections of config.yaml ask for is done for a few steps, with the real
networks and batches, on random images. What there is no time for is estimated by its forward
passes. `plan.py` says by it what a collection costs, and jobs ask a cluster for their time by it.
Cost: what --seconds says, and the start of three scripts.

Example:
    python src/calibrate.py --config config --dataset digits \
        --output results/calibration/digits.json
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.types import Positive
from cogloat.errors import UserError
from cogloat.files import writable_file
from cogloat.results.calibration import Calibration
from cogloat.runs.load import load_dataset, load_workflow
from cogloat.runs.work import works
from cogloat.training.calibration import StandIn, inference_seconds, measure_all
from cogloat.training.machine import add_machine_arguments, set_up_machine

TRAINS, IS_LIGHT = "train.py", "configure.py"  # whose starts are timed


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="folder of the configuration")
    parser.add_argument("--dataset", required=True, help="a name in its folder datasets")
    parser.add_argument(
        "--seconds", type=of_type(Positive), default=25, help="for all steps (default: 25)"
    )
    parser.add_argument(
        "--output", type=writable_file, required=True, help="gets the calibration, JSON"
    )
    add_machine_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Calibrate."""
    args = parse_args(argv)
    dataset = load_dataset(args.config, args.dataset)
    wanted = works(args.config, load_workflow(args.config), args.dataset)
    if not wanted:
        raise UserError(
            f"{args.config / 'config.yaml'}: no collection lists the dataset '{args.dataset}'. "
            "Add a table of it first."
        )
    start, light_start = _start_of(TRAINS), _start_of(IS_LIGHT)
    machine = set_up_machine(args)
    first = next(iter(wanted.values()))
    with tempfile.TemporaryDirectory() as folder:
        stand_in = StandIn(Path(folder), args.config, dataset, first.factor)
        inference = inference_seconds(first, stand_in.images(first, machine), machine)
        wall, processor = time.perf_counter(), time.process_time()
        measured = measure_all(wanted, stand_in, machine, args.seconds)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    on_processor = machine.device.type == "cpu"
    calibration = Calibration(
        dataset=args.dataset,
        process=machine.process(),
        undisturbed=min(processor / (wall * args.threads), 1) if on_processor else None,
        start=start,
        light_start=light_start,
        inference=inference,
        works=measured,
    )
    calibration.write(args.output)
    print(
        f"{args.dataset}: {len(measured)} of {len(wanted)} kinds of work measured on "
        f"{calibration.machine}.",
        file=sys.stderr,
    )


def _start_of(script: str) -> float:
    """Return the seconds of a script before its work, once its files are in memory."""
    command = [sys.executable, str(Path(__file__).with_name(script)), "--help"]
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return min(taken)


if __name__ == "__main__":
    main()
