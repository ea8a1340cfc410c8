r"""Measure how far an encoder's batch statistics give its positives away.

In one pass over the long-tailed set, in batches and by the augmentation of the method, each image
is a query. Its own key, the other view, stands among keys of the batches before, as many as the
method's queue has; the trained encoder makes both. Counted is how often the own key is nearest:
with the batch's statistics, in the method's groups and with its shuffled keys, and with running
ones. The positives of the class, which pass with the own keys in training, are left out.
Cost: four forward passes over the set.

Example:
    run=results/runs/digits/if100/kcl/seed0
    python src/measure_leak.py --config $run/pretrain/config.json \
        --weights $run/pretrain/weights.pt --store data/digits \
        --split results/splits/digits/if100.csv --output $run/leak.json
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Iterator, Sequence

import torch

from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import ImageSet, load_training_set
from cogloat.data.sampling import epoch_order
from cogloat.errors import UserError
from cogloat.evaluation.leak import Pair, own_key_retrieval
from cogloat.files import sha256
from cogloat.methods.moco.settings import MomentumContrast
from cogloat.randomness import generator
from cogloat.results.leak import Leak
from cogloat.runs.effective import RunConfig
from cogloat.trained import load_encoder
from cogloat.training.commandline import add_encoder_arguments, encoder_config
from cogloat.training.machine import set_up_machine


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_encoder_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    args = parse_args(argv)
    config = encoder_config(args)
    settings = config.settings
    if not isinstance(settings, MomentumContrast):
        raise UserError(
            f"{args.config}: settings.objective: '{settings.objective}' has no key encoder. Give a "
            "pretrain stage of a method that has one, such as kcl's."
        )
    device = set_up_machine(args).device
    training = load_training_set(args.store, args.split, config.data, device)
    if len(training) < 2 * settings.batch_size:
        raise UserError(
            f"{args.split}: {len(training)} images are less than two batches of "
            f"{settings.batch_size}, and the keys beside the own one are of other batches. Lower "
            "pretrain.batch_size and train again."
        )
    encoder = load_encoder(config, args.weights, device, settings.groups)
    found = {}
    # the batch's last: they move the running ones
    for statistics, training_mode in (("running", False), ("batch", True)):
        encoder.train(training_mode)
        pairs = _pairs(config, settings, training)
        found[statistics] = own_key_retrieval(encoder, pairs, settings.queue)
    Leak(
        dataset=config.dataset,
        factor=config.factor,
        method=config.method,
        seed=config.seed,
        split_sha256=sha256(args.split),
        **found,
    ).write(args.output)


def _pairs(config: RunConfig, settings: MomentumContrast, training: ImageSet) -> Iterator[Pair]:
    """Yield the views of every whole batch of one pass; every call has the same draws."""
    augment = Augmentation.named(settings.augmentation, config.data)
    device, batch = training.labels_N.device, settings.batch_size
    order_N = epoch_order(len(training), generator(config.seed, "leak order"))
    whole = len(training) // batch * batch
    for step, positions_B in enumerate(order_N[:whole].split(batch)):
        draw = generator(config.seed, "leak augment", step)
        queries, keys = augment(training.batch(positions_B.repeat(2)), draw).split(batch)
        order_B = torch.arange(batch)
        if settings.groups > 1:
            shuffle = generator(config.seed, "leak shuffle", step)
            order_B = torch.randperm(batch, generator=shuffle)
        yield Pair(queries, keys, order_B.to(device))


if __name__ == "__main__":
    main()
