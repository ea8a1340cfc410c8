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

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from cogloat.config.dataset import Data
from cogloat.data.imageset import ImageSet, load_test_set, load_training_set
from cogloat.evaluation.features import describe_features
from cogloat.files import sha256
from cogloat.models.inference import outputs
from cogloat.models.networks import Encoder
from cogloat.results.features import Features, Spaces
from cogloat.trained import check_finite, load_encoder
from cogloat.training.commandline import add_encoder_arguments, encoder_config
from cogloat.training.machine import set_up_machine


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_encoder_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    args = parse_args(argv)
    config = encoder_config(args)
    machine = set_up_machine(args)
    encoder = load_encoder(config, args.weights, machine.device)
    data, device = config.data, machine.device
    features = Features(
        dataset=config.dataset,
        factor=config.factor,
        method=config.method,
        seed=config.seed,
        split_sha256=sha256(args.split),
        train=_measure(
            encoder,
            load_training_set(args.store, args.split, data, device),
            data,
            args.weights,
        ),
        test=_measure(encoder, load_test_set(args.store, data, device), data, args.weights),
    )
    features.write(args.output)


@torch.no_grad()
def _measure(encoder: Encoder, images: ImageSet, data: Data, weights: Path) -> Spaces:
    """Return the measures of both spaces on one set."""
    features_ND = outputs(encoder.backbone, images, data)
    spaces = {"projection": encoder.projection(features_ND), "backbone": features_ND}
    for space_ND in spaces.values():
        check_finite(space_ND, encoder, weights)
    measures = {
        name: describe_features(space_ND, images.labels_N, data.classes)
        for name, space_ND in spaces.items()
    }
    return Spaces(**measures)


if __name__ == "__main__":
    main()
