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

import importlib

from cogloat.data.imageset import load_test_set
from cogloat.errors import main_guard
from cogloat.randomness import seeded_globally
from cogloat.training.loop import fit
from cogloat.training.networks import build_classifier, to_device
from cogloat.training.stage import open_stage, stage_parser


def main() -> None:
    """Train."""
    args = stage_parser(__doc__ or "").parse_args()
    stage = open_stage(args, "train", __file__)
    config, machine = stage.config, stage.machine
    assert config.classify is not None
    with seeded_globally(config.seed, "initialise", config.stage):
        classifier = build_classifier(config)
    to_device(classifier, machine.device)
    objectives = importlib.import_module(f"cogloat.objectives.{config.classify.objective}")
    objective = objectives.build(
        classifier,
        config.classify,
        config.data,
        stage.training,
        load_test_set(args.store, config.data.classes, machine.device),
        config.seed,
        frozen=False,
    )
    history = fit(objective, config.classify, config.seed, machine, stage.resume, config.name)
    stage.finish(classifier.state_dict(), history)


if __name__ == "__main__":
    main_guard(main)
