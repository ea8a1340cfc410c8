r"""Time training epochs of several methods on one data set and one device (Table 4), as raw CSV.

The methods take turns, a few steps at a time, so that a machine that slows down slows all of them;
tabulate_times.py makes medians and ratios of it. Beside each step its floor is timed: the networks'
passes alone. Cost: (rounds + 1) x steps x 2 training steps of each method; minutes for CIFAR on a
processor.

Example:
    python src/time_epochs.py \
        --config results/runs/digits/if100/{kcl,kcl_proco}/seed0/pretrain/config.json \
        --store data/digits --split results/splits/digits/if100.csv \
        --input kcl_proco.coreset=results/coresets/digits/if100/glister/coreset.csv \
        --rounds 7 --steps 4 --output results/demo-full/times/digits/if100.csv
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.reading import load
from cogloat.config.types import Count
from cogloat.data.imageset import load_training_set
from cogloat.errors import UserError, nearest
from cogloat.files import writable_file
from cogloat.methods.inputs import Inputs
from cogloat.results.timings import PARTS, Timing, write_timings
from cogloat.runs.effective import RunConfig
from cogloat.training.commandline import check_inputs, named_file
from cogloat.training.machine import Machine, add_machine_arguments, set_up_machine
from cogloat.training.timing import TimedTraining, time_in_turn


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config",
        type=Path,
        nargs="+",
        required=True,
        help="effective configurations of pretrain stages; ratios are to the first",
    )
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument(
        "--input",
        type=named_file,
        action="append",
        default=[],
        metavar="METHOD.NAME=FILE",
        help="a file that a method needs, such as kcl_proco.coreset",
    )
    parser.add_argument(
        "--rounds", type=of_type(Count), default=7, help="of all methods (default: 7)"
    )
    parser.add_argument(
        "--steps",
        type=of_type(Count),
        default=4,
        help="of each method in each round (default: 4)",
    )
    parser.add_argument(
        "--output", type=writable_file, required=True, help="gets the raw timings, CSV"
    )
    add_machine_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Time."""
    args = parse_args(argv)
    configs = _read_configs(args.config)
    files = _files(args.input, args.config, configs)
    machine = set_up_machine(args)
    data = next(iter(configs.values())).data
    training = load_training_set(args.store, args.split, data, machine.device)
    trainings = {}
    for method, config in configs.items():
        inputs = Inputs(
            data=config.data,
            backbone=config.backbone,
            training=training,
            device=machine.device,
            seed=config.seed,
            store=args.store,
            split=args.split,
            files=files[method],
        )
        trainings[method] = TimedTraining(config, inputs, machine)
    write_timings(args.output, list(_timings(configs, trainings, machine, args)))


def _files(
    given: Sequence[tuple[str, Path]], paths: Sequence[Path], configs: Mapping[str, RunConfig]
) -> dict[str, Mapping[str, Path]]:
    """Return method -> its files by name.

    Raises:
        UserError: if a method lacks one, or one is unknown or there twice.
    """
    for name, _ in given:
        method = name.partition(".")[0]
        if method not in configs:
            raise UserError(f"--input {name}: '{method}' is not timed. {nearest(method, configs)}")
    files: dict[str, Mapping[str, Path]] = {}
    for path, (method, config) in zip(paths, configs.items(), strict=True):
        start = f"{method}."
        own = [(name, file) for name, file in given if name.startswith(start)]
        checked = check_inputs(own, [start + name for name in config.settings.needs], path)
        files[method] = {name.removeprefix(start): file for name, file in checked.items()}
    return files


def _read_configs(paths: Sequence[Path]) -> dict[str, RunConfig]:
    """Return the configurations by method, in the order they are given.

    Raises:
        UserError: if one is of another stage, of an objective whose steps change during training,
            of a method that is there already, or of other data than the first.
    """
    configs: dict[str, RunConfig] = {}
    for path in paths:
        config = load(RunConfig, path)
        if config.stage != "pretrain":
            raise UserError(
                f"{path}: stage: it is '{config.stage}', but only 'pretrain' is timed. "
                "Give the configuration of that stage."
            )
        if not config.settings.steady:
            raise UserError(
                f"{path}: settings.objective: '{config.settings.objective}' is not timed, for its "
                "steps change during training. Leave it out."
            )
        if config.method in configs:
            raise UserError(f"{path}: method: '{config.method}' is there twice. Leave one out.")
        configs[config.method] = config
        _check_same_data(path, config, paths[0], next(iter(configs.values())))
    return configs


def _check_same_data(path: Path, config: RunConfig, first_path: Path, first: RunConfig) -> None:
    for key in ("dataset", "factor", "data", "backbone"):
        own, other = getattr(config, key), getattr(first, key)
        if own != other:
            named = key in ("dataset", "factor")
            values = f"'{own}', but it is '{other}' in" if named else "differs from"
            raise UserError(f"{path}: {key}: {values} {first_path}. Give methods on the same data.")


def _timings(
    configs: Mapping[str, RunConfig],
    trainings: Mapping[str, TimedTraining],
    machine: Machine,
    args: argparse.Namespace,
) -> Iterator[Timing]:
    process = machine.process()
    for number, method, seconds in time_in_turn(trainings, args.rounds, args.steps):
        for part in PARTS:
            yield Timing(
                dataset=configs[method].dataset,
                factor=configs[method].factor,
                method=method,
                round=number,
                part=part,
                seconds=getattr(seconds, part),
                steps_per_epoch=trainings[method].steps_per_epoch,
                device=process.device,
                threads=process.threads,
                precision=process.precision,
                arithmetic=process.arithmetic,
            )


if __name__ == "__main__":
    main()
