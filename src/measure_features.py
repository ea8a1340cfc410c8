r"""Measure the feature space of a pre-trained encoder: alignment and uniformity (Table 1).

Writes the measures for both spaces (the projection's, of unit norm, and the backbone's) and both
sets (the long-tailed one and the test set), as JSON. Cost: one forward pass over each set, then
matrix products over each class's pairs.

Example:
    run=results/runs/digits/if100/kcl/seed0
    python src/measure_features.py --config $run/pretrain/config.json \
        --weights $run/pretrain/weights.pt --store data/digits \
        --split results/splits/digits/if100.csv --output $run/features.json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from cogloat.config.parse import load
from cogloat.config.schema import Data, MomentumContrast, RunConfig
from cogloat.data.imageset import ImageSet, load_test_set, load_training_set
from cogloat.errors import UserError, main_guard
from cogloat.evaluation.features import describe_features
from cogloat.files import sha256, write_json
from cogloat.training.checkpoint import load_weights
from cogloat.training.inference import outputs
from cogloat.training.machine import add_machine_arguments, set_up_machine
from cogloat.training.networks import Encoder, build_encoder, to_device


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="of the pretrain stage")
    parser.add_argument("--weights", type=Path, required=True, help="pretrain.py's weights.pt")
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument("--output", type=Path, required=True, help="gets the measures, JSON")
    add_machine_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure."""
    args = parse_args()
    config = load(RunConfig, args.config)
    settings = config.settings
    if not isinstance(settings, MomentumContrast):
        raise UserError(
            f"{args.config}: stage '{config.stage}' trains no encoder with a projection. "
            "Give the configuration of a pretrain stage."
        )
    machine = set_up_machine(args)
    encoder = build_encoder(config.depth, settings.projection, settings.batch_norm_splits)
    load_weights(encoder, args.weights)
    to_device(encoder, machine.device)
    classes, device = config.data.classes, machine.device
    sets = {
        "train": load_training_set(args.store, args.split, classes, device),
        "test": load_test_set(args.store, classes, device),
    }
    measures = {name: _measure(encoder, images, config.data) for name, images in sets.items()}
    run = {key: getattr(config, key) for key in ("dataset", "factor", "method", "seed")}
    write_json(args.output, {**run, "split_sha256": sha256(args.split), **measures})


@torch.no_grad()
def _measure(encoder: Encoder, images: ImageSet, data: Data) -> dict[str, Any]:
    """Return the measures of both spaces on one set."""
    features_ND = outputs(encoder.backbone, images, data)
    spaces = {"projection": encoder.projection(features_ND), "backbone": features_ND}
    return {
        name: describe_features(space_ND, images.labels_N, data.classes)
        for name, space_ND in spaces.items()
    }


if __name__ == "__main__":
    main_guard(main)
