r"""Pre-train an encoder by contrast, from a long-tailed split to weights.pt.

Also writes history.csv (one row an epoch) and provenance.json. A run that was killed goes on from
--scratch and ends in the same bits. Cost: `epochs` passes over the split, 4 (KCL) to 10 (CoGloAT +
ProCo) forward units an image; seconds for the digits, GPU-hours for CIFAR at 1000 epochs.

Example:
    python src/pretrain.py --config results/runs/digits/if100/kcl/seed0/pretrain/config.json \
        --store data/digits --split results/splits/digits/if100.csv \
        --output-dir results/runs/digits/if100/kcl/seed0/pretrain --scratch scratch/kcl.pt
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.data.imageset import load_training_set
from cogloat.errors import main_guard
from cogloat.objectives import Materials
from cogloat.training.stage import open_stage, stage_parser


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = stage_parser(__doc__ or "")
    parser.add_argument("--coreset", type=Path, help="images behind ProCo's prototypes, CSV")
    parser.add_argument("--targets", type=Path, help="points for TSC's classes, .npy")
    return parser.parse_args()


def main() -> None:
    """Pre-train."""
    args = parse_args()
    stage = open_stage(args, "pretrain", __file__, coreset=args.coreset, targets=args.targets)
    classes, device = stage.config.data.classes, stage.machine.device
    coreset = args.coreset and load_training_set(args.store, args.coreset, classes, device)
    stage.run(
        Materials(stage.config, stage.training, device, coreset=coreset, targets=args.targets)
    )


if __name__ == "__main__":
    main_guard(main)
