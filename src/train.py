r"""Train a classifier end to end (one-stage baselines), from a long-tailed split to weights.pt.

Also writes history.csv (one row an epoch) and provenance.json. A run that was killed goes on from
--scratch and ends in the same bits. Cost: three forward units an image and epoch (PaCo four,
BCL nine), and one for each test image where the accuracy is measured.

Example:
    python src/train.py --config results/runs/digits/if100/ce/seed0/train/config.json \
        --store data/digits --split results/splits/digits/if100.csv \
        --output-dir results/runs/digits/if100/ce/seed0/train --scratch scratch/ce.pt
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.data.imageset import load_test_set
from cogloat.errors import main_guard
from cogloat.objectives import Materials
from cogloat.training.stage import open_stage, stage_parser


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = stage_parser(__doc__ or "")
    parser.add_argument(
        "--generator", type=Path, help="weights.pt of the classifier by which M2m makes images"
    )
    return parser.parse_args()


def main() -> None:
    """Train."""
    args = parse_args()
    stage = open_stage(args, "train", __file__, generator=args.generator)
    device = stage.machine.device
    test = load_test_set(args.store, stage.config.data.classes, device)
    stage.run(Materials(stage.config, stage.training, device, test, generator=args.generator))


if __name__ == "__main__":
    main_guard(main)
