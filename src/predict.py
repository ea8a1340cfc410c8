r"""Name the classes of images by a run's classifier: a CSV file of classes and probabilities.

An image is read as those of a dataset are: in RGB, its shorter side scaled to the run's size, then
cropped at its centre. A folder stands for every file in it and in its sub-folders. Probabilities
are the softmax of the classifier's scores as the run's loss takes it, without what a loss adds by
the size of the classes; they are not calibrated. A file that is no image is named, and then nothing
is written. Cost: seconds, then as long as the images take to decode; memory for 500 images.

Example:
    python src/predict.py --run results/runs/digits/if100/ce/seed0 --output predictions.csv photos

    run=results/runs/digits/if100/ce/seed0
    python src/predict.py --config $run/train/config.json --weights $run/train/weights.pt \
        --classes data/digits/store.json --output predictions.csv photos first.png second.jpg
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cogloat.arguments import of_type
from cogloat.config.augmentation import GreyLevel
from cogloat.config.reading import load
from cogloat.data.given import decoded, image_files
from cogloat.errors import UserError
from cogloat.files import sha256, writable_file
from cogloat.models.inference import BATCH, batch_outputs
from cogloat.models.networks import Classifier
from cogloat.results.classes import read_class_names
from cogloat.results.metrics import Metrics
from cogloat.results.predictions import Prediction, write_predictions
from cogloat.results.provenance import Run
from cogloat.runs.effective import RunConfig
from cogloat.trained import check_finite, classifier_settings, load_classifier
from cogloat.training.machine import Machine, add_machine_arguments, set_up_machine


class Trained(NamedTuple):
    """What a run has left: its last stage's configuration and weights, the classes' names."""

    config: RunConfig
    weights: Path
    classes: tuple[str, ...]


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE_OR_FOLDER")
    parser.add_argument(
        "--output", type=writable_file, required=True, help="gets the predictions, CSV"
    )
    parser.add_argument(
        "--background",
        type=of_type(GreyLevel),
        default=255,
        help="grey level behind transparent pixels, as in the dataset's file (default: 255)",
    )
    parser.add_argument("--run", type=Path, help="folder with an evaluated run's metrics.json")
    by_hand = parser.add_argument_group("by hand, in place of --run")
    by_hand.add_argument("--config", type=Path, help="of the last stage")
    by_hand.add_argument("--weights", type=Path, help="the classifier's weights.pt")
    by_hand.add_argument(
        "--classes", type=Path, help="their names: store.json, or a text with one a line"
    )
    add_machine_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Predict."""
    args = parse_args(argv)
    if args.output.suffix != ".csv":  # it may be the first of some images
        raise UserError(
            f"--output {args.output}: not the name of a CSV file. Name one, such as "
            "predictions.csv, and the images after it."
        )
    trained = _trained(args)
    files = image_files(args.images)
    machine = set_up_machine(args)
    classifier = load_classifier(trained.config, trained.weights, machine.device)
    size = trained.config.data.image_size
    images = decoded(files, size, args.background, machine.threads, BATCH)
    predictions = _predictions(trained, classifier, images, machine)
    write_predictions(args.output, trained.classes, predictions)


def _trained(args: argparse.Namespace) -> Trained:
    """Return what was given: a run's folder, or every file by hand."""
    by_hand = (args.config, args.weights, args.classes)
    if None in by_hand if args.run is None else any(by_hand):
        raise UserError(
            "--run: give it the folder of a run, or in its place give all of --config, --weights "
            "and --classes."
        )
    if args.run is not None:
        return _of_run(args.run)
    config = load(RunConfig, args.config)
    return Trained(config, args.weights, read_class_names(args.classes, config.data.classes))


def _of_run(folder: Path) -> Trained:
    """Return what an evaluated run has left, if nothing in its folder is another run's."""
    file, metrics_file = folder / "provenance.json", folder / "metrics.json"
    if not (file.is_file() and metrics_file.is_file()):
        raise UserError(
            f"--run {folder}: not the folder of an evaluated run, which has a metrics.json and a "
            "provenance.json. Evaluate the run, or give another folder."
        )
    last = Run.read(file).stages[-1]
    config_file, weights = (folder / last.stage / name for name in ("config.json", "weights.pt"))
    expected = [(config_file, last.identity.get("configuration"))]
    expected += [(weights, last.outputs.get(weights.name))]
    for path, known in expected:
        if sha256(path) != known:
            raise UserError(
                f"{path}: not the file of the run, says {file}. Get it again, or train the run "
                "again."
            )
    config, metrics = load(RunConfig, config_file), Metrics.read(metrics_file)
    for key in ("dataset", "factor", "method", "seed"):
        if getattr(metrics, key) != getattr(config, key):
            raise UserError(
                f"{metrics_file}: {key}: {getattr(metrics, key)}, but {config_file} has "
                f"{getattr(config, key)}. Evaluate the run again."
            )
    if len(metrics.classes) != config.data.classes:
        raise UserError(
            f"{metrics_file}: classes: {len(metrics.classes)} names, but {config_file} has "
            f"{config.data.classes} classes. Evaluate the run again."
        )
    return Trained(config, weights, metrics.classes)


def _predictions(
    trained: Trained,
    classifier: Classifier,
    batches: Iterable[tuple[Sequence[Path], NDArray[np.uint8]]],
    machine: Machine,
) -> Iterator[Prediction]:
    """Yield the prediction of each file."""
    config, weights, _ = trained
    scale = classifier_settings(config, weights).score_scale
    for paths, images in batches:
        pixels = torch.from_numpy(images).to(machine.device)
        scores_BC = batch_outputs(classifier, pixels, config.data)
        check_finite(scores_BC, classifier, weights)
        shares_BC = (scale * scores_BC.double()).softmax(dim=1)
        labels_B = scores_BC.argmax(dim=1)
        for path, label, shares in zip(paths, labels_B.tolist(), shares_BC.tolist(), strict=True):
            yield Prediction(path, label, shares)


if __name__ == "__main__":
    main()
