"""A step of every method that is trained, on any device: small images, small networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from miniature import (
    BACKBONE,
    CONFIG,
    CPU,
    build,
    image_set,
    save_weights,
    without_augmentation,
)

from cogloat.data.imageset import ImageSet
from cogloat.methods.settings import CoresetOf, Supervised
from cogloat.models.networks import Classifier
from cogloat.ranks import ALONE, Ranks
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import run_config
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step

STAGES = {
    "ce": "train",
    "ldam_drw": "train",
    "focal": "train",
    "balanced_softmax": "train",
    "m2m_ldam": "train",
    "paco": "train",
    "bcl": "train",
    "gpaco": "train",
    "vmf_contrast": "train",
    "oltr": "train",
    "lws": "train",
    "crt": "train",
    "kcl": "pretrain",
    "kcl_adaptive": "pretrain",
    "cogloat": "pretrain",
    "cogloat_proco": "pretrain",
    "tsc": "pretrain",
    "kcl_inbatch": "pretrain",
    "cogloat_inbatch": "pretrain",
    "cogloat_proco_inbatch": "pretrain",
    "tsc_inbatch": "pretrain",
    "cogloat_supervised": "finetune",
}
# where a step makes the host of a GPU wait: the assignment of classes to targets is the host's
WAITS = {"tsc": 1, "tsc_inbatch": 1}
COUNTS = [40, 16, 8]
BATCH, SIDE = 16, 16
SMALL = {"batch_size": BATCH, "queue": 4 * BATCH, "projection": (8, 8), "groups": 2}


@dataclass
class Training:
    """An objective and its optimizer, as the loop has them.

    Attributes:
        epoch: the last, in which each term takes part.
    """

    config: RunConfig
    objective: Any
    optimizer: Sgd
    machine: Machine
    epoch: int

    def step(self, number: int, images: int = BATCH) -> dict[str, torch.Tensor]:
        """Take one of the epoch's steps, on all images of its batch or on the first ones."""
        batches = self.objective.order(self.epoch).split(BATCH)
        positions = batches[number][:images]
        return take_step(
            self.objective, self.optimizer, self.machine, positions, self.epoch, number
        )

    def state(self) -> dict[str, torch.Tensor]:
        """Return all tensors of the state, on the CPU."""
        own = self.objective.state_dict() | {
            f"momentum {name}": value for name, value in self.optimizer.momenta.items()
        }
        return {name: value.detach().cpu().clone() for name, value in own.items()}


def images(device: torch.device, counts: list[int] = COUNTS) -> ImageSet:
    """Return the training set on a device."""
    made = image_set(counts)
    pixels = made.images_NCHW.repeat(1, 1, 2, 2)
    return ImageSet(pixels.to(device), made.labels_N.to(device), made.counts_C.to(device))


def training(
    method: str,
    folder: Path,
    device: torch.device = CPU,
    precision: str = "float32",
    ranks: Ranks = ALONE,
    *,
    plain: bool = False,
    epoch: int | None = None,
    **changes: Any,
) -> Training:
    """Return a method's stage of `STAGES`, with CIFAR's recipes, before its last epoch's steps.

    Args:
        method: of them.
        folder: gets the files that it needs.
        device: of networks and images.
        precision: of the networks.
        ranks: that train together.
        plain: without augmentation.
        epoch: another than the last one.
        changes: of the settings.
    """
    config = run_config(CONFIG, "cifar10", 100, method, 0, STAGES[method])
    fields = type(config.settings).model_fields
    small = {name: value for name, value in SMALL.items() if name in fields}
    if method.endswith("_inbatch"):  # a loss of the whole batch, with statistics of the whole
        del small["groups"]
    changes = small | changes
    if method == "m2m_ldam":  # a small network would be sure of no image that it makes
        sure = {"confidence": 0.0, "beta": 1e-9}
        changes["synthesis"] = config.settings.synthesis.model_copy(update=sure)
    settings = config.settings.model_copy(update=changes)
    data = config.data.model_copy(update={"image_size": SIDE, "classes": len(COUNTS)})
    config = config.model_copy(update={"data": data, "backbone": BACKBONE, "settings": settings})
    if plain:
        config = without_augmentation(config)
    given: dict[str, Any] = {}
    needs = config.settings.needs
    if "targets" in needs:
        np.save(folder / "targets.npy", np.eye(len(COUNTS), 8))
        given["targets"] = folder / "targets.npy"
    torch.manual_seed(0)
    network = Classifier(BACKBONE, len(COUNTS), "linear")
    for name in {"guide", "start"} & needs.keys():
        given[name] = save_weights(folder / f"{name}.pt", network)
    if config.stage == "finetune":
        given["encoder"] = save_weights(folder / "encoder.pt", network)
    coreset = None
    if any(isinstance(need, CoresetOf) for need in needs.values()):
        coreset = images(device, [4, 3, 2])
    if isinstance(settings, Supervised):
        given["test"] = images(device, [7, 5, 5])
    objective = build(config, images(device), coreset, device=device, ranks=ranks, **given)
    epoch = config.settings.epochs - 1 if epoch is None else epoch
    objective.start_epoch(epoch)
    machine = Machine(device, 1, precision, ranks=ranks)
    optimizer = Sgd(objective.parameters(), config.settings.optimizer)
    return Training(config, objective, optimizer, machine, epoch)
