r"""Choose the images behind the prototypes of a long-tailed split, as a CSV of index and label.

GLISTER trains a proxy classifier first and discards it; the controls (random, full) need none.
Cost: GLISTER's proxy, 20 epochs of cross-entropy, then seconds for the greedy selection.

Example:
    python src/select_coreset.py --store data/digits --split results/splits/digits/if100.csv \
        --config results/coresets/digits/if100/glister/config.json \
        --output results/coresets/digits/if100/glister/coreset.csv --scratch scratch/glister
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
from torch import Tensor

from cogloat.certificates import code_of
from cogloat.config.reading import load
from cogloat.coreset.controls import random_coreset
from cogloat.coreset.glister import coreset_budgets, glister_select
from cogloat.data.imageset import ImageSet, load_training_set
from cogloat.data.longtail import read_split, write_split
from cogloat.data.store import MANIFEST
from cogloat.files import writable_file
from cogloat.imbalance import folder
from cogloat.methods.classifier.objective import Classification
from cogloat.methods.inputs import Inputs
from cogloat.models.inference import outputs
from cogloat.randomness import generator, seeded_globally
from cogloat.results.provenance import identity
from cogloat.runs.effective import CoresetConfig
from cogloat.training.commandline import add_training_arguments, check_config
from cogloat.training.loop import fit
from cogloat.training.machine import Machine, add_machine_arguments, set_up_machine
from cogloat.training.resume import ResumeState


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_training_arguments(parser)
    parser.add_argument("--output", type=writable_file, required=True, help="the coreset, CSV")
    add_machine_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Select."""
    args = parse_args(argv)
    check_config(args)
    config = load(CoresetConfig, args.config)
    settings = config.settings
    machine = set_up_machine(args)
    indices, labels = read_split(args.split)
    counts = torch.bincount(torch.as_tensor(labels)).tolist()
    budgets = coreset_budgets(counts, settings.fraction, settings.floor)
    made_of = {"store": args.store / MANIFEST, "split": args.split}
    known = identity(args.config, code_of(Path(__file__)), made_of)
    known |= {"precision": machine.precision, "arithmetic": machine.arithmetic}
    resume = ResumeState(args.scratch, known, args.save_every, machine.process)
    if settings.kind == "glister":
        assert config.data is not None
        training = load_training_set(args.store, args.split, config.data, machine.device)
        chosen = _glister(config, training, budgets, machine, resume)
    else:
        chosen = random_coreset(
            torch.as_tensor(labels), budgets, generator(settings.seed, "coreset")
        )
    positions = chosen.cpu().numpy()
    write_split(args.output, indices[positions], labels[positions])
    resume.remove()


def _glister(
    config: CoresetConfig,
    training: ImageSet,
    budgets: list[int],
    machine: Machine,
    resume: ResumeState,
) -> Tensor:
    """Train the proxy and select; the training set is its own validation set."""
    settings = config.settings
    assert settings.proxy is not None
    assert settings.eta is not None
    assert config.data is not None
    inputs = Inputs(config.data, config.backbone, training, machine.device, settings.seed)
    with seeded_globally(settings.seed, "initialise", "proxy"):
        objective = Classification(settings.proxy, inputs)
    proxy = objective.classifier
    name = f"{config.dataset}/{folder(config.factor)}/{config.coreset}"
    fit(objective, settings.proxy, machine, resume, name)
    features_ND = outputs(proxy.backbone, training, config.data)
    with torch.no_grad():
        logits_NC = proxy.head(features_ND)
    labels_N = training.labels_N
    return glister_select(
        features_ND, logits_NC, labels_N, features_ND, logits_NC, labels_N, budgets, settings.eta
    )


if __name__ == "__main__":
    main()
