"""What is trained on while it is measured: a small long-tailed set, and the files methods need."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cogloat.checkpoint import save_checkpoint
from cogloat.data.imageset import load_test_set, load_training_set
from cogloat.data.labels import Split
from cogloat.data.longtail import Indices, draw, read_split, write_split
from cogloat.data.store import Images, load_split_images, write_store
from cogloat.errors import UserError
from cogloat.methods.inputs import Inputs
from cogloat.methods.settings import CoresetOf, FileAt, Need, WeightsOf
from cogloat.methods.tsc.targets import place_targets
from cogloat.models.networks import Classifier
from cogloat.runs.bench import Bench
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import (
    load_coreset,
    load_dataset,
    load_method,
    load_target_points,
    run_config,
)
from cogloat.training.machine import Machine, set_up_machine

SEED = 0
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Scene:
    """Images and settings; all that a training reads is in a folder.

    Attributes:
        config: folder of the configuration.
        bench: what is measured.
        folder: has a store, a split and a coreset, and gets what else a method needs.
        side: of the images; their network stays that of the dataset.
        threads: of the processor.
    """

    config: Path
    bench: Bench
    folder: Path
    side: int
    threads: int

    @property
    def store(self) -> Path:
        """The images."""
        return self.folder / "store"

    @property
    def split(self) -> Path:
        """The long-tailed subset."""
        return self.folder / "split.csv"

    def machine(self) -> Machine:
        """Set up this process as a training's is."""
        return set_up_machine(
            argparse.Namespace(
                device="cpu", threads=self.threads, precision="float32", arithmetic="native"
            )
        )

    def stage(self, method: str, most: int) -> RunConfig:
        """Return the configuration of a method's first stage, in batches of at most so many."""
        data = self.bench.data
        first = load_method(self.config, method).stages[0]
        config = run_config(self.config, data.dataset, data.factor, method, SEED, first)
        batch_size = min(config.settings.batch_size, most)
        settings = config.settings.model_copy(update={"batch_size": batch_size})
        own = config.data.model_copy(update={"image_size": self.side})
        return config.model_copy(update={"settings": settings, "data": own})

    def inputs(self, config: RunConfig, device: torch.device = CPU) -> Inputs:
        """Return what a stage's training is given."""
        return Inputs(
            data=config.data,
            backbone=config.backbone,
            training=load_training_set(self.store, self.split, config.data, device),
            device=device,
            seed=config.seed,
            test=load_test_set(self.store, config.data, device),
            store=self.store,
            split=self.split,
            files={name: self._file(need, config) for name, need in config.settings.needs.items()},
        )

    def _file(self, need: Need, config: RunConfig) -> Path:
        """Make a file that costs what the real one does; what is in it does not count.

        Raises:
            UserError: if it is none that is known here.
        """
        match need:
            case CoresetOf(coreset):
                path = self.folder / f"{coreset}.csv"
                share = load_coreset(self.config, coreset).fraction
                write_share(path, *read_split(self.split), share)
            case WeightsOf(method, head):
                path = self.folder / f"{method}.pt"
                guide = Classifier(config.backbone, config.data.classes, head)
                save_checkpoint(path, guide.state_dict())
            case FileAt(path=pattern) if "targets" in pattern:
                path = self.folder / "targets.npy"
                dimension = config.settings.projection[1]  # type: ignore[attr-defined]
                settings = load_target_points(self.config)
                np.save(path, place_targets(config.data.classes, dimension, settings).numpy())
            case _:
                raise UserError(
                    f"{config.method}: it needs {need}, which the bench cannot make. Leave its "
                    "rows out of bench.yaml."
                )
        return path


def make_scene(
    config: Path,
    bench: Bench,
    folder: Path,
    threads: int,
    store: Path | None = None,
    *,
    small: bool = False,
) -> Scene:
    """Write the images of a scene and what is drawn of them.

    Args:
        config: folder of the configuration.
        bench: what is measured.
        folder: gets them.
        threads: of the processor.
        store: of real images, whose first of each class are taken; without it, random pixels.
        small: whether the images are small, and those of the test set one a class.

    Raises:
        UserError: if a file is missing or damaged, or the images are not as the dataset says.
    """
    data, dataset = bench.data, load_dataset(config, bench.data.dataset)
    side = data.small_side if small else dataset.image_size
    tested = 1 if small else -(-data.test_images // dataset.classes)
    sizes: dict[Split, int] = {"train": data.largest_class, "test": tested}
    made = _made_up(sizes, dataset.classes, side) if store is None else _first(sizes, store, side)
    scene = Scene(config, bench, folder, side, threads)
    write_store(scene.store, made, [str(label) for label in range(dataset.classes)])
    labels_N = made["train"].labels_N
    chosen = draw(labels_N, data.factor, SEED)
    write_split(scene.split, chosen, labels_N[chosen])
    return scene


def write_share(path: Path, indices_N: Indices, labels_N: Indices, share: float) -> None:
    """Write a share of a split: the first images of each class, at least one."""
    kept = []
    for label in np.unique(labels_N):
        own = np.flatnonzero(labels_N == label)
        kept.append(own[: max(1, round(share * len(own)))])
    chosen = np.concatenate(kept)
    write_split(path, indices_N[chosen], labels_N[chosen])


def _made_up(sizes: dict[Split, int], classes: int, side: int) -> dict[Split, Images]:
    random = np.random.default_rng(SEED)
    return {
        part: Images(
            random.integers(0, 256, (classes * size, 3, side, side), np.uint8),
            np.arange(classes).repeat(size),
        )
        for part, size in sizes.items()
    }


def _first(sizes: dict[Split, int], store: Path, side: int) -> dict[Split, Images]:
    """Return the first images of each class of a store; of small ones, a corner."""
    parts: dict[Split, Images] = {}
    for part, size in sizes.items():
        images, labels = load_split_images(store, part, None)
        assert isinstance(images, Tensor)  # of small images
        labels_N = labels.numpy()
        kept = [np.flatnonzero(labels_N == label)[:size] for label in np.unique(labels_N)]
        chosen = np.concatenate(kept)
        parts[part] = Images(images.numpy()[chosen, :, :side, :side], labels_N[chosen])
    return parts
