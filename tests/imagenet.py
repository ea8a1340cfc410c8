"""A miniature of ImageNet-LT: real JPEG files of many sizes, and lists of the official form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from cogloat.files import git_blob_id

# Pareto's profile, from 60 images of a class to 3
COUNTS = tuple(max(3, round(60 * (1 + label / 8) ** -1.6)) for label in range(40))
VALIDATED, TESTED = 2, 3  # images of a class
SHORT, LONG = (24, 80), (1.0, 1.9)  # sides in pixels, and how much longer the other one is

# Budgets of seconds on a CPU; whatever is not said is ImageNet-LT's.
BUDGETS: dict[str, Any] = {
    "pretrain": {"epochs": 2, "batch_size": 64},
    "finetune": {"epochs": 2, "batch_size": 64, "evaluate_every": 1},
    "train": {"epochs": 2, "batch_size": 64, "evaluate_every": 1},
    "moco": (pair := {"groups": 2, "queue": 128, "key_momentum": 0.9, "projection": [64, 64]}),
    "proco": pair,
    "tsc": pair | {"epochs": 2},
    "paco": {"groups": 2, "queue": 128, "key_momentum": 0.9, "projection": [64, 32]},
    "gpaco": {"groups": 2, "queue": 128, "projection": [64, 32]},
    "bcl": {"epochs": 2, "groups": 2, "projection": [64, 64]},
    "vmf": {"groups": 2, "projection": [64, 64]},
    "classifier": {"groups": 2},
    "proxy": {"epochs": 1, "batch_size": 64, "evaluate_every": 1},
}
SHORT_TRAINING = {"epochs": 2, "batch_size": 64}
BACKBONE = {"kind": "cifar", "depth": 8}
OWN: dict[str, Any] = {  # of single methods, likewise
    "kcl": {"pretrain": {"projection": [0, 64]}},
    "tsc": {"finetune": SHORT_TRAINING},
    "ce": {"train": SHORT_TRAINING},
    "balanced_softmax": {"train": SHORT_TRAINING},
    "oltr_stage1": {"backbone": BACKBONE},
    "oltr": {"backbone": BACKBONE},
}


@dataclass(frozen=True)
class Miniature:
    """Images in a folder, train/<class>/* and val/<class>/*, and three lists beside it."""

    folder: Path

    @property
    def root(self) -> Path:
        """The images."""
        return self.folder / "images"

    def list_of(self, part: str) -> Path:
        """Return the list of train, val or test."""
        return self.folder / f"ImageNet_LT_{part}.txt"

    @property
    def source(self) -> dict[str, Any]:
        """The dataset's source, with the lists' blob ids."""
        lists = {"train": "train", "validation": "val", "test": "test"}
        files = {key: self.list_of(part) for key, part in lists.items()}
        blobs = {key: git_blob_id(file.read_bytes()) for key, file in files.items()}
        paths = {key: str(file) for key, file in files.items()}
        return {"kind": "list_file", "root": str(self.root), "blobs": blobs, **paths}

    def describe(self, config: Path, name: str = "miniature", **more: Any) -> Path:
        """Write config/datasets/<name>.yaml, which extends ImageNet-LT's; return it."""
        dataset = {
            "extends": "imagenet_lt",
            "label": "ImageNet-LT in miniature",
            "source": self.source,
            "classes": len(COUNTS),
            "image_size": 32,
            "backbone": BACKBONE,
            "store": {"short_side": 48},
            "shot_groups": {"many_above": 20, "few_below": 6},
            "resources": {
                "threads": 1,
                "mem_mb": 2000,
                "largest_class": max(COUNTS),
                "images_per_second": 500,
            },
            "overrides": BUDGETS,
            "methods": OWN,
        }
        path = config / "datasets" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dataset | more, sort_keys=False))
        return path


def make_miniature(folder: Path) -> Miniature:
    """Write the images and the lists: 40 classes, each of a colour and a texture of its own."""
    made = Miniature(folder)
    draw = np.random.default_rng(0)
    lines: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    number = 0
    for label, count in enumerate(COUNTS):
        name = f"n{label:08d}"
        parts = ["train"] * count + ["val"] * VALIDATED + ["test"] * TESTED
        for place, part in enumerate(parts):
            number += 1
            path = f"train/{name}/{name}_{place}.JPEG"
            if part == "test":
                path = f"val/{name}/ILSVRC2012_val_{number:08d}.JPEG"
            save(made.root / path, picture(label, draw))
            lines[part].append(f"{path} {label}")
    for part, own in lines.items():
        made.list_of(part).write_text("".join(f"{line}\n" for line in own))
    return made


def picture(label: int, draw: np.random.Generator) -> np.ndarray:
    """Return an image of a class, of a size of chance: waves in a colour, with noise."""
    short = int(draw.integers(*SHORT))
    sides = [short, round(short * draw.uniform(*LONG))]
    height, width = draw.permutation(sides)
    y, x = np.mgrid[:height, :width] / short
    angle, period = label % 5 * 0.6, 3 + label // 5
    waves = np.cos(
        2 * np.pi * period * (x * np.cos(angle) + y * np.sin(angle)) + draw.uniform(0, 7)
    )
    colour = np.random.default_rng(label).uniform(60, 195, 3)
    pixels = colour + 40 * waves[:, :, None] + draw.normal(0, 12, (height, width, 3))
    return pixels.clip(0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    """Write an image as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "JPEG", quality=90)
