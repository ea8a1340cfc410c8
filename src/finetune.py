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

from cogloat.data.imageset import load_test_set
from cogloat.errors import main_guard
from cogloat.objectives import Materials
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
    device = stage.machine.device
    test = load_test_set(args.store, stage.config.data.classes, device)
    stage.run(Materials(stage.config, stage.training, device, test, encoder=args.encoder))


if __name__ == "__main__":
    main_guard(main)
