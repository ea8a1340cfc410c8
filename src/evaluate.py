r"""Evaluate a run's classifier on the test set: metrics.json and the run's provenance.json.

Reports the last epoch; the best epoch of history.csv is there too, for comparison with papers that
report it. Cost: one forward pass over the test set.

Example:
    run=results/runs/digits/if100/ce/seed0
    python src/evaluate.py --config $run/train/config.json --weights $run/train/weights.pt \
        --history $run/train/history.csv --provenance $run/train/provenance.json \
        --store data/digits --split results/splits/digits/if100.csv --many-above 50 --few-below 10 \
        --metrics $run/metrics.json --output-provenance $run/provenance.json
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cogloat.config.parse import load
from cogloat.config.schema import RunConfig, Supervised
from cogloat.data.imageset import load_test_set
from cogloat.data.longtail import read_split
from cogloat.errors import UserError, main_guard
from cogloat.evaluation.accuracy import summarise
from cogloat.files import sha256, write_json
from cogloat.fingerprint import fingerprint
from cogloat.training.checkpoint import load_weights
from cogloat.training.inference import outputs
from cogloat.training.machine import add_machine_arguments, set_up_machine
from cogloat.training.networks import build_classifier, to_device
from cogloat.training.provenance import identity

TOLERANCE = 0.05  # percent, between the accuracy found here and the history's last


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="of the last stage")
    parser.add_argument("--weights", type=Path, required=True, help="the classifier's weights.pt")
    parser.add_argument("--history", type=Path, required=True, help="of the last stage")
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument("--many-above", type=int, required=True, help="training images of a class")
    parser.add_argument("--few-below", type=int, required=True, help="training images of a class")
    parser.add_argument(
        "--provenance", type=Path, nargs="+", required=True, help="the stages', in their order"
    )
    parser.add_argument("--metrics", type=Path, required=True, help="gets the accuracies, JSON")
    parser.add_argument("--output-provenance", type=Path, required=True, help="gets the run's")
    add_machine_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Evaluate."""
    started = time.monotonic()
    args = parse_args()
    config = load(RunConfig, args.config)
    if not isinstance(config.settings, Supervised):
        raise UserError(
            f"{args.config}: stage '{config.stage}' leaves no classifier. "
            "Give the configuration of the run's last stage."
        )
    stages = [_read_stage(path) for path in args.provenance]
    _check_origin(stages[-1], args)
    history = _read_history(args.history)
    _, labels_N = read_split(args.split)
    counts_C = torch.as_tensor(np.bincount(labels_N, minlength=config.data.classes))
    machine = set_up_machine(args)
    classifier = build_classifier(config)
    load_weights(classifier, args.weights)
    to_device(classifier, machine.device)
    test = load_test_set(args.store, config.data.classes, machine.device)
    scores_NC = outputs(classifier, test, config.data).cpu()
    measured = summarise(scores_NC, test.labels_N.cpu(), counts_C, args.many_above, args.few_below)
    _compare(measured["accuracy"], history[max(history)], args.history)
    best = max(history, key=lambda epoch: (history[epoch], -epoch))
    metrics = {
        "dataset": config.dataset,
        "factor": config.factor,
        "method": config.method,
        "seed": config.seed,
        "epochs": {stage["stage"]: stage["epochs"] for stage in stages},
        "augmentations": {stage["stage"]: stage["augmentations"] for stage in stages},
        **measured,
        "best_accuracy": history[best],
        "best_epoch": best,
        "class_counts": counts_C.tolist(),
        "split_sha256": sha256(args.split),
    }
    evaluation = {
        **identity(
            args.config,
            fingerprint(Path(__file__)),
            {"split": args.split, "weights": args.weights},
        ),
        **machine.describe(),
        "seconds": round(time.monotonic() - started, 1),
    }
    write_json(args.output_provenance, {"stages": stages, "evaluation": evaluation})
    write_json(args.metrics, metrics)


def _read_stage(path: Path) -> dict[str, Any]:
    try:
        stage = json.loads(path.read_text())
        known = {"stage", "epochs", "augmentations", "configuration", "split"} <= stage.keys()
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise UserError(f"{path}: not the provenance of a stage. Run the stage again.")
    return stage


def _check_origin(last: dict[str, Any], args: argparse.Namespace) -> None:
    """Refuse a configuration or a split that the classifier was not trained with."""
    for name, path in (("configuration", args.config), ("split", args.split)):
        if last[name] != sha256(path):
            raise UserError(
                f"{path}: the run was trained with another {name}, says {args.provenance[-1]}. "
                f"Give that {name}, or train the run again."
            )


def _read_history(path: Path) -> dict[int, float]:
    """Return the measured test accuracies by epoch."""
    try:
        with open(path, newline="") as file:
            measured = {
                int(row["epoch"]): float(row["test_accuracy"])
                for row in csv.DictReader(file)
                if row["test_accuracy"]
            }
    except (KeyError, ValueError):
        raise UserError(f"{path}: not the history of a classifier. Run the stage again.") from None
    if not measured:
        raise UserError(f"{path}: no test accuracy in any epoch. Run the stage again.")
    return measured


def _compare(accuracy: float, recorded: float, history: Path) -> None:
    if abs(accuracy - recorded) > TOLERANCE:
        print(
            f"warning: {history} ends with {recorded:.2f} %, the weights give {accuracy:.2f} %",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main_guard(main)
