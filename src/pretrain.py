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
import importlib
from pathlib import Path

from cogloat.data.imageset import load_training_set
from cogloat.errors import main_guard
from cogloat.randomness import seeded_globally
from cogloat.training.loop import fit
from cogloat.training.stage import open_stage, stage_parser


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = stage_parser(__doc__ or "")
    parser.add_argument("--coreset", type=Path, help="images behind the prototypes, CSV")
    return parser.parse_args()


def main() -> None:
    """Pre-train."""
    args = parse_args()
    inputs = {} if args.coreset is None else {"coreset": args.coreset}
    stage = open_stage(args, "pretrain", __file__, **inputs)
    config, device = stage.config, stage.machine.device
    assert config.pretrain is not None
    coreset = (
        None
        if args.coreset is None
        else load_training_set(args.store, args.coreset, config.data.classes, device)
    )
    objectives = importlib.import_module(f"cogloat.objectives.{config.pretrain.objective}")
    with seeded_globally(config.seed, "initialise", config.stage):
        objective = objectives.build(config, stage.training, coreset, device)
    history = fit(objective, config.pretrain, config.seed, stage.machine, stage.resume, config.name)
    stage.finish(objective.weights(), history)


if __name__ == "__main__":
    main_guard(main)
