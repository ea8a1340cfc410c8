r"""Train one stage of a run, from a long-tailed split to weights.pt.

What is trained, the configuration says: an encoder by contrast (pretrain), a classifier on its
frozen backbone (finetune), or a classifier end to end or from another run (train). Also writes
history.csv (one row an epoch) and provenance.json. A run that was killed goes on from --scratch and
ends in the same bits. Cost: epochs x images x the method's forward passes; seconds for the digits,
GPU-hours for CIFAR at 1000 epochs.

Example:
    run=results/runs/digits/if100/kcl/seed0
    python src/train.py --config $run/finetune/config.json \
        --store data/digits --split results/splits/digits/if100.csv \
        --input encoder=$run/pretrain/weights.pt \
        --output-dir $run/finetune --scratch scratch/kcl
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cogloat.certificates import code_of
from cogloat.checkpoint import save_checkpoint
from cogloat.config.reading import load
from cogloat.data.imageset import load_test_set, load_training_set, load_validation_set
from cogloat.data.store import MANIFEST
from cogloat.files import sha256, writable_file, writable_folder
from cogloat.fingerprint import fingerprint
from cogloat.methods.inputs import Inputs
from cogloat.methods.rooms import build, compute, objective_module
from cogloat.methods.settings import Computed, Judged, WeightsOf
from cogloat.randomness import seeded_globally
from cogloat.ranks import is_rank, world_size
from cogloat.results.history import write_history
from cogloat.results.provenance import Stage, check_beside, identity, total_seconds
from cogloat.runs.effective import RunConfig
from cogloat.training.commandline import (
    add_training_arguments,
    check_config,
    check_inputs,
    named_file,
)
from cogloat.training.launching import add_processes_argument, check_processes, run_ranks
from cogloat.training.loop import fit
from cogloat.training.machine import add_machine_arguments, set_up_machine
from cogloat.training.resume import ResumeState


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_training_arguments(parser)
    parser.add_argument(
        "--input",
        type=named_file,
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a file that is needed: encoder (finetune), coreset, targets, guide, start, or "
        "validation",
    )
    parser.add_argument(
        "--output-dir", type=writable_folder, required=True, help="gets the stage's files"
    )
    add_machine_arguments(parser)
    add_processes_argument(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Train."""
    args = parse_args(argv)
    weights, table, provenance = (
        writable_file(args.output_dir / name)
        for name in ("weights.pt", "history.csv", "provenance.json")
    )
    check_config(args)
    config = load(RunConfig, args.config)
    settings, data = config.settings, config.data
    check_processes(settings, world_size(args.processes), args.config)
    needed = [*settings.needs, *(["encoder"] if config.stage == "finetune" else [])]
    supervised = isinstance(settings, Judged)
    if supervised and data.validation_is_drawn:
        needed.append("validation")
    files = check_inputs(args.input, needed, args.config)
    if args.processes > 1 and not is_rank():
        command = [__file__, *(sys.argv[1:] if argv is None else argv)]
        sys.exit(run_ranks(args.processes, command))
    machine = set_up_machine(args)
    inputs = Inputs(
        data=data,
        backbone=config.backbone,
        training=load_training_set(args.store, args.split, data, machine.device),
        device=machine.device,
        seed=config.seed,
        ranks=machine.ranks,
        test=load_test_set(args.store, data, machine.device) if supervised else None,
        validation=load_validation_set(args.store, files.get("validation"), data, machine.device)
        if supervised
        else None,
        store=args.store,
        split=args.split,
        files=files,
    )
    of_data = {"store": args.store / MANIFEST, "split": args.split}
    for name, path in files.items():
        if name == "encoder" or isinstance(settings.needs.get(name), WeightsOf):
            check_beside(path, **of_data)
    modules = (Path(__file__), objective_module(settings.objective))
    code, as_it_is = code_of(*modules), fingerprint(*modules)
    known = identity(args.config, code, {**of_data, **files}) | {"precision": machine.precision}
    known["arithmetic"] = machine.arithmetic
    resume = ResumeState(args.scratch, known, args.save_every, machine.process, machine.ranks)
    if isinstance(settings, Computed):
        made, row = compute(settings, inputs)
        history = [{"epoch": 1, **row}]
    else:
        with seeded_globally(config.seed, "initialise", config.stage):
            objective = build(settings, inputs)
        history = fit(objective, settings, machine, resume, config.name)
        made = objective.weights()
    if not machine.ranks.is_first:
        return

    save_checkpoint(weights, {name: value.cpu() for name, value in made.items()})
    write_history(table, history)
    processes = resume.processes
    stage = Stage(
        stage=config.stage,
        epochs=settings.epochs,
        augmentations=tuple(data.recipes[role] for role in settings.augmentations),
        identity=known,
        certified=as_it_is if as_it_is != code else None,
        outputs={path.name: sha256(path) for path in (weights, table)},
        processes=processes,
        seconds=total_seconds(processes),
    )
    stage.write(provenance)
    resume.remove()


if __name__ == "__main__":
    main()
