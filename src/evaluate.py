r"""Evaluate a run's classifier on the test set: metrics.json, confusion.csv and provenance.json.

Reports the last epoch; the best epoch of history.csv is there too, for comparison with papers that
report it. Refuses files that are not of one run, and weights that do not give the accuracy that the
history ends with. Cost: one forward pass over the test set.

Example:
    run=results/runs/digits/if100/ce/seed0
    python src/evaluate.py --config $run/train/config.json --weights $run/train/weights.pt \
        --history $run/train/history.csv --provenance $run/train/provenance.json \
        --store data/digits --split results/splits/digits/if100.csv --many-above 50 --few-below 10 \
        --metrics $run/metrics.json --confusion $run/confusion.csv \
        --output-provenance $run/provenance.json
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from cogloat.arguments import add_shot_groups, parse_shot_groups
from cogloat.certificates import code_of
from cogloat.config.reading import load
from cogloat.config.types import StageName
from cogloat.data.imageset import load_test_set
from cogloat.data.longtail import read_split
from cogloat.data.store import MANIFEST
from cogloat.errors import UserError
from cogloat.evaluation.accuracy import confusion, summarise
from cogloat.files import sha256, writable_file
from cogloat.models.inference import outputs
from cogloat.results.classes import read_class_names
from cogloat.results.confusion import write_confusion
from cogloat.results.history import read_history
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import (
    Evaluation,
    Run,
    Stage,
    identity,
)
from cogloat.runs.effective import RunConfig
from cogloat.trained import check_finite, load_classifier
from cogloat.training.machine import PRECISIONS, add_machine_arguments, set_up_machine

# Points of accuracy between the history's last and the one found here: another device may round
# scores otherwise, and images whose two best classes are close change sides. More is another
# classifier, or another test set.
TOLERANCE = 0.05
BEFORE: dict[StageName, StageName] = {"finetune": "pretrain"}  # stage -> the one before it


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="of the last stage")
    parser.add_argument("--weights", type=Path, required=True, help="the classifier's weights.pt")
    parser.add_argument("--history", type=Path, required=True, help="of the last stage")
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    add_shot_groups(parser)
    parser.add_argument(
        "--provenance", type=Path, nargs="+", required=True, help="the stages', in their order"
    )
    parser.add_argument(
        "--metrics", type=writable_file, required=True, help="gets the accuracies, JSON"
    )
    parser.add_argument(
        "--confusion", type=writable_file, required=True, help="gets what is confused, CSV"
    )
    parser.add_argument(
        "--output-provenance", type=writable_file, required=True, help="gets the run's"
    )
    add_machine_arguments(parser)
    parser.set_defaults(precision=None)  # then the one that the history was measured in
    return parse_shot_groups(parser, argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Evaluate."""
    args = parse_args(argv)
    config = load(RunConfig, args.config)
    stages = tuple(Stage.read(path) for path in args.provenance)
    _check_stages(args.provenance, stages, config)
    _check_origin(args, stages)
    args.precision = args.precision or _precision(args.provenance[-1], stages[-1])
    machine = set_up_machine(args)
    classifier = load_classifier(config, args.weights, machine.device)
    history = read_history(args.history, "test_accuracy", stages[-1].epochs)
    held_out = config.data.validation is not None
    judged = history
    if held_out:
        judged = read_history(args.history, "validation_accuracy", stages[-1].epochs)
    best = max(judged, key=lambda epoch: (judged[epoch], -epoch))
    _, training_labels_N = read_split(args.split)
    counts_C = torch.as_tensor(np.bincount(training_labels_N, minlength=config.data.classes))
    test = load_test_set(args.store, config.data, machine.device)
    labels_N = test.labels_N.cpu()
    scores_NC = outputs(classifier, test, config.data)
    check_finite(scores_NC, classifier, args.weights)
    scores_NC = scores_NC.cpu()
    metrics = Metrics(
        dataset=config.dataset,
        factor=config.factor,
        method=config.method,
        seed=config.seed,
        split_sha256=sha256(args.split),
        epochs={stage.stage: stage.epochs for stage in stages},
        augmentations={stage.stage: stage.augmentations for stage in stages},
        **summarise(scores_NC, labels_N, counts_C, args.many_above, args.few_below),
        history_accuracy=history[max(history)],
        judged_by="validation" if held_out else "test",
        validation_accuracy=judged[max(judged)] if held_out else None,
        best_accuracy=history[best],
        best_epoch=best,
        classes=read_class_names(args.store / MANIFEST, config.data.classes),
        class_counts=tuple(counts_C.tolist()),
    )
    _check_accuracy(args, metrics)
    made_of = {"store": args.store / MANIFEST, "split": args.split, "weights": args.weights}
    evaluation = Evaluation(
        identity=identity(args.config, code_of(Path(__file__)), made_of),
        processes=(machine.process(),),
    )
    Run(stages=stages, evaluation=evaluation).write(args.output_provenance)
    counts_CC = confusion(scores_NC.argmax(dim=1), labels_N, config.data.classes)
    write_confusion(args.confusion, metrics.classes, counts_CC.numpy())
    metrics.write(args.metrics)


def _check_stages(paths: Sequence[Path], stages: Sequence[Stage], config: RunConfig) -> None:
    """Refuse provenance that is not of the run's stages, in their order."""
    needed = (BEFORE[config.stage], config.stage) if config.stage in BEFORE else (config.stage,)
    in_order = f"Give that of {' and '.join(needed)}, in this order."
    if len(stages) != len(needed):
        raise UserError(f"--provenance: of {len(stages)} stages, not {len(needed)}. {in_order}")
    for path, stage, name in zip(paths, stages, needed, strict=True):
        if stage.stage != name:
            raise UserError(f"{path}: the provenance of {stage.stage}, not {name}. {in_order}")


def _precision(path: Path, stage: Stage) -> str:
    """Return the precision that a stage was trained in."""
    precision = stage.identity.get("precision")
    if precision not in PRECISIONS:
        raise UserError(f"{path}: identity.precision: it is {precision!r}. {Stage.FIX}.")
    return precision


def _check_origin(args: argparse.Namespace, stages: Sequence[Stage]) -> None:
    """Refuse what the stages were not made with, or the last one did not leave."""
    *earlier, last = stages
    expected = [
        ("configuration", args.config, last.identity.get("configuration"), args.provenance[-1]),
        ("weights", args.weights, last.outputs.get("weights.pt"), args.provenance[-1]),
        ("history", args.history, last.outputs.get("history.csv"), args.provenance[-1]),
    ]
    for stage, origin in zip(stages, args.provenance, strict=True):
        expected += [
            ("split", args.split, stage.identity.get("split"), origin),
            ("store", args.store / MANIFEST, stage.identity.get("store"), origin),
        ]
    for name, path, known, origin in expected:
        if sha256(path) != known:
            raise UserError(
                f"{path}: not the {name} of the run, says {origin}. "
                f"Give that {name}, or train the run again."
            )
    encoder = [last.identity["encoder"]] if "encoder" in last.identity else []
    if [stage.outputs.get("weights.pt") for stage in earlier] != encoder:
        names = ", ".join(map(str, args.provenance[:-1]))
        raise UserError(
            f"{names}: not of the stage before, says {args.provenance[-1]}. "
            "Give the provenance of that stage, or train the run again."
        )


def _check_accuracy(args: argparse.Namespace, found: Metrics) -> None:
    """Refuse weights that do not give the accuracy that the history ends with."""
    if abs(found.accuracy - found.history_accuracy) > TOLERANCE:
        raise UserError(
            f"{args.history}: ends with {found.history_accuracy:.2f} %, but {args.weights} give "
            f"{found.accuracy:.2f} %. Evaluate with the device and the precision that "
            f"{args.provenance[-1]} names, or train the run again."
        )


if __name__ == "__main__":
    main()
