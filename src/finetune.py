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
import importlib
from pathlib import Path

from cogloat.data.imageset import load_test_set
from cogloat.errors import main_guard
from cogloat.randomness import seeded_globally
from cogloat.training.checkpoint import load_weights
from cogloat.training.loop import fit
from cogloat.training.networks import build_classifier, to_device
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
    config, machine = stage.config, stage.machine
    assert config.classify is not None
    with seeded_globally(config.seed, "initialise", config.stage):
        classifier = build_classifier(config)
    load_weights(classifier.backbone, args.encoder, prefix="backbone.")
    to_device(classifier, machine.device)
    objectives = importlib.import_module(f"cogloat.objectives.{config.classify.objective}")
    objective = objectives.build(
        classifier,
        config.classify,
        config.data,
        stage.training,
        load_test_set(args.store, config.data.classes, machine.device),
        config.seed,
        frozen=True,
    )
    history = fit(objective, config.classify, config.seed, machine, stage.resume, config.name)
    stage.finish(classifier.state_dict(), history)


if __name__ == "__main__":
    main_guard(main)
