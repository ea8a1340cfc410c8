r"""Measure how well the test images of the rarest classes come apart (the number behind Figure 2).

Of their projections by a pre-trained encoder: the mean silhouette, and the accuracy of a
leave-one-out vote of the nearest neighbours, both of cosine distance. Writes JSON. Cost: a forward
pass over the test set of the classes, and their pairs; seconds.

Example:
    run=results/runs/digits/if100/kcl/seed0
    python src/measure_separability.py --config $run/pretrain/config.json \
        --weights $run/pretrain/weights.pt --store data/digits \
        --split results/splits/digits/if100.csv --classes 4 --output $run/separability4.json
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Sequence

from cogloat.arguments import of_type
from cogloat.config.types import Count
from cogloat.data.imageset import load_test_set
from cogloat.data.rarest import only, rarest, training_counts
from cogloat.evaluation.separability import NEIGHBOURS, knn_accuracy, silhouette
from cogloat.files import sha256
from cogloat.models.inference import outputs
from cogloat.results.separability import Separability
from cogloat.trained import check_finite, load_encoder
from cogloat.training.commandline import add_encoder_arguments, encoder_config
from cogloat.training.machine import set_up_machine


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--classes", type=of_type(Count), required=True, help="how many, the rarest first"
    )
    add_encoder_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    args = parse_args(argv)
    config = encoder_config(args)
    labels = rarest(training_counts(args.split, config.data.classes), args.classes)
    device = set_up_machine(args).device
    encoder = load_encoder(config, args.weights, device)
    images = only(load_test_set(args.store, config.data, device), labels)
    embeddings_ND = outputs(encoder, images, config.data)
    check_finite(embeddings_ND, encoder, args.weights)
    features_ND, labels_N = embeddings_ND.cpu().numpy(), images.labels_N.cpu().numpy()
    separability = Separability(
        dataset=config.dataset,
        factor=config.factor,
        method=config.method,
        seed=config.seed,
        split_sha256=sha256(args.split),
        labels=tuple(labels),
        images=len(images),
        silhouette=silhouette(features_ND, labels_N),
        knn_accuracy=knn_accuracy(features_ND, labels_N, NEIGHBOURS),
    )
    separability.write(args.output)


if __name__ == "__main__":
    main()
