r"""Measure what draws the embeddings of each class in training: the gradients of eq. 2 to 7.

One pass over the long-tailed set, each image once an anchor, with the method's own augmentation,
positives and temperatures. Both encoders are the trained one, in training mode, and the queue is
full of its keys. A gradient is that of an anchor's loss in its embedding of unit norm, taken as a
free vector as in the paper. Writes its mean norm by class, and those of its parts, as JSON. Cost:
the forward passes of an epoch, and as many keys as the queue holds.

Example:
    run=results/runs/digits/if100/kcl/seed0
    python src/measure_gradients.py --config $run/pretrain/config.json \
        --weights $run/pretrain/weights.pt --store data/digits \
        --split results/splits/digits/if100.csv --many-above 50 --few-below 10 \
        --output $run/gradients.json
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
from tqdm import tqdm

from cogloat.arguments import add_shot_groups, parse_shot_groups
from cogloat.checkpoint import load_weights
from cogloat.data.imageset import ImageSet, load_training_set
from cogloat.data.store import MANIFEST
from cogloat.errors import UserError
from cogloat.evaluation.accuracy import shot_groups
from cogloat.files import sha256
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast
from cogloat.methods.moco.settings import Settings
from cogloat.randomness import seeded_globally
from cogloat.results.classes import read_class_names
from cogloat.results.gradients import PARTS, Gradients
from cogloat.runs.effective import RunConfig
from cogloat.trained import check_finite
from cogloat.training.commandline import add_encoder_arguments, encoder_config
from cogloat.training.machine import set_up_machine


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_shot_groups(parser)
    add_encoder_arguments(parser)
    return parse_shot_groups(parser, argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    args = parse_args(argv)
    config = encoder_config(args)
    device = set_up_machine(args).device
    training = load_training_set(args.store, args.split, config.data, device)
    objective = _trained(config, args.weights, args.config, training)
    norms_NM, temperatures_N = _one_pass(objective)
    check_finite(norms_NM, objective.query, args.weights)
    means_CM = _class_means(torch.cat([norms_NM, temperatures_N[:, None]], dim=1), training)
    groups = shot_groups(training.counts_C, args.many_above, args.few_below)
    gradients = Gradients(
        dataset=config.dataset,
        factor=config.factor,
        method=config.method,
        seed=config.seed,
        split_sha256=sha256(args.split),
        classes=read_class_names(args.store / MANIFEST, config.data.classes),
        class_counts=tuple(training.counts_C.tolist()),
        groups=tuple(
            next(name for name, members_C in groups.items() if members_C[label])
            for label in range(config.data.classes)
        ),
        **dict(zip([*PARTS, "temperature"], map(tuple, means_CM.T.tolist()), strict=True)),
    )
    gradients.write(args.output)


def _trained(config: RunConfig, weights: Path, path: Path, training: ImageSet) -> Contrast:
    """Return the objective with the trained encoder on both sides and a queue of its keys.

    Raises:
        UserError: if the stage's loss is not contrast alone, the weights are damaged or of another
            network, or there are fewer images than a batch has.
    """
    settings = config.settings
    if not isinstance(settings, Settings):
        raise UserError(
            f"{path}: settings.objective: the gradients of '{settings.objective}' have no such "
            "parts, only those of 'moco'. Give a pretrain stage of one, such as cogloat's."
        )
    if len(training) < settings.batch_size:
        raise UserError(
            f"{path}: settings.batch_size: {settings.batch_size}, but there are {len(training)} "
            "images. Give the split that the run was trained with."
        )
    filled = settings.model_copy(update={"queue_prefill": True})
    device = training.labels_N.device
    with seeded_globally(config.seed, "initialise", config.stage):
        objective = Contrast(
            filled, Inputs(config.data, config.backbone, training, device, config.seed)
        )
    for encoder in (objective.query, objective.key):
        load_weights(encoder, weights)
    objective.train()
    objective.start_epoch(0)
    return objective


@torch.no_grad()
def _one_pass(objective: Contrast) -> tuple[Tensor, Tensor]:
    """Return the norm of each part of each image's gradient [N, parts], and the temperatures [N].

    The images that complete the last batch were anchors before and are left out.
    """
    size, batch = objective.size, objective.settings.batch_size
    order_N = objective.order(0)
    batches = torch.cat([order_N, order_N[: -size % batch]]).split(batch)
    norms, temperatures = [], []
    for step, positions_B in enumerate(tqdm(batches, desc="gradients", disable=None)):
        gradient = objective.gradient(positions_B, 0, step)
        norms.append(torch.stack([getattr(gradient, part).norm(dim=1) for part in PARTS], dim=1))
        temperatures.append(gradient.temperature_B)
    restored_N = order_N.argsort().to(objective.queue.keys.device)
    return torch.cat(norms)[restored_N], torch.cat(temperatures)[restored_N]


def _class_means(values_NM: Tensor, training: ImageSet) -> Tensor:
    """Return the mean of each column over each class, float64 [C, M]."""
    sums_CM = torch.zeros(
        (len(training.counts_C), values_NM.shape[1]), dtype=torch.float64, device=values_NM.device
    )
    sums_CM.index_add_(0, training.labels_N, values_NM.double())
    return sums_CM / training.counts_C[:, None]


if __name__ == "__main__":
    main()
