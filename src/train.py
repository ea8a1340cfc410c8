r"""Train a classifier end to end (one-stage baselines), from a long-tailed split to weights.pt.

Also writes history.csv (one row an epoch) and provenance.json. A run that was killed goes on from
--scratch and ends in the same bits. Cost: three forward units an image and epoch, and one for each
test image where the accuracy is measured.

Example:
    python src/train.py --config results/runs/digits/if100/ce/seed0/train/config.json \
        --store data/digits --split results/splits/digits/if100.csv \
        --output-dir results/runs/digits/if100/ce/seed0/train --scratch scratch/ce.pt
"""

from __future__ import annotations

from cogloat.errors import main_guard
from cogloat.randomness import seeded_globally
from cogloat.training.classifier import fit_classifier
from cogloat.training.networks import build_classifier
from cogloat.training.stage import open_stage, stage_parser


def main() -> None:
    """Train."""
    args = stage_parser(__doc__ or "").parse_args()
    stage = open_stage(args, "train", __file__)
    with seeded_globally(stage.config.seed, "initialise", stage.config.stage):
        classifier = build_classifier(stage.config)
    fit_classifier(stage, classifier, args.store, frozen=False)


if __name__ == "__main__":
    main_guard(main)
