r"""Name the classes of images by a run's classifier: a CSV file of classes and probabilities.

An image is read as those of a dataset are: in RGB, its shorter side scaled to the run's size, then
cropped at its centre. A folder stands for every file in it and in its sub-folders. Probabilities
are the softmax of the classifier's scores as the run's loss takes it, without what a loss adds by
the size of the classes; they are not calibrated. A file that is no image is named, and then nothing
is written. Cost: seconds, then as long as the images take to decode; memory for 500 images.

Example:
    python src/predict.py --run results/runs/digits/if100/ce/seed0 --output predictions.csv photos
    python src/predict.py --model model.safetensors --output predictions.csv photos

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
from torch import Tensor

from cogloat.arguments import of_type
from cogloat.checkpoint import load_checkpoint
from cogloat.config.augmentation import GreyLevel
from cogloat.config.reading import load
from cogloat.data.given import decoded, image_files
from cogloat.data.sources.shapes import of_tests
from cogloat.errors import UserError
from cogloat.evaluated import read_evaluated
from cogloat.exported import read_model
from cogloat.files import writable_file
from cogloat.models.inference import BATCH, batch_outputs
from cogloat.models.networks import Classifier
from cogloat.results.classes import read_class_names
from cogloat.results.predictions import Prediction, write_predictions
from cogloat.runs.effective import RunConfig
from cogloat.trained import build_classifier, check_finite, classifier_settings
from cogloat.training.machine import Machine, add_machine_arguments, set_up_machine


class Trained(NamedTuple):
    """What a run has left: its last stage's configuration, the classes' names, and the weights."""

    config: RunConfig
    classes: tuple[str, ...]
    weights: Path
    tensors: dict[str, Tensor]


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
    parser.add_argument("--model", type=Path, help="in place of --run: a file that export.py made")
    by_hand = parser.add_argument_group("by hand, in place of --run and --model")
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
    classifier = build_classifier(trained.config, trained.tensors, trained.weights, machine.device)
    data = trained.config.data
    shape = of_tests(data.image_size, data.store)
    images = decoded(files, shape, args.background, machine.threads, BATCH)
    predictions = _predictions(trained, classifier, images, machine)
    write_predictions(args.output, trained.classes, predictions)


def _trained(args: argparse.Namespace) -> Trained:
    """Return what was given: a run's folder, an exported model, or every file by hand."""
    by_hand = (args.config, args.weights, args.classes)
    ways = [args.run is not None, args.model is not None, any(by_hand)]
    if sum(ways) != 1 or (ways[-1] and None in by_hand):
        raise UserError(
            "--run: give it the folder of a run, or in its place give --model, or all of --config, "
            "--weights and --classes."
        )
    if args.model is not None:
        said, tensors = read_model(args.model)
        return Trained(said.config, said.classes, args.model, tensors)
    if args.run is not None:
        run = read_evaluated(args.run)
        config, classes, weights = run.config, run.metrics.classes, run.weights
    else:
        config, weights = load(RunConfig, args.config), args.weights
        classes = read_class_names(args.classes, config.data.classes)
    return Trained(config, classes, weights, load_checkpoint(weights, "weights file"))


def _predictions(
    trained: Trained,
    classifier: Classifier,
    batches: Iterable[tuple[Sequence[Path], NDArray[np.uint8]]],
    machine: Machine,
) -> Iterator[Prediction]:
    """Yield the prediction of each file."""
    config, weights = trained.config, trained.weights
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
