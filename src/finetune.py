r"""Train a classifier on a pre-trained, frozen backbone, from its weights.pt to the classifier's.

Also writes history.csv (one row an epoch) and provenance.json. A run that was killed goes on from
--scratch and ends in the same bits. Cost: one forward unit an image and epoch.

Example:
    python src/finetune.py --config results/runs/digits/if100/kcl/seed0/finetune/config.json \
        --store data/digits --split results/splits/digits/if100.csv \
        --encoder results/runs/digits/if100/kcl/seed0/pretrain/weights.pt \
        --output-dir results/runs/digits/if100/kcl/seed0/finetune --scratch scratch/kcl.pt
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.errors import main_guard
from cogloat.randomness import seeded_globally
from cogloat.training.checkpoint import load_weights
from cogloat.training.classifier import fit_classifier
from cogloat.training.networks import build_classifier
from cogloat.training.stage import open_stage, stage_parser


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = stage_parser(__doc__ or "")
    parser.add_argument("--encoder", type=Path, required=True, help="pretrain.py's weights.pt")
    return parser.parse_args()


def main() -> None:
    """Fine-tune."""
    args = parse_args()
    stage = open_stage(args, "finetune", __file__, encoder=args.encoder)
    with seeded_globally(stage.config.seed, "initialise", stage.config.stage):
        classifier = build_classifier(stage.config)
    load_weights(classifier.backbone, args.encoder, prefix="backbone.")
    fit_classifier(stage, classifier, args.store, frozen=True)


if __name__ == "__main__":
    main_guard(main)
