"""A tiny long-tailed image set, and objectives of the shipped methods built on it."""

import importlib
from pathlib import Path
from typing import Any

import torch
from scripts import REPO

from cogloat.config.load import run_config
from cogloat.config.schema import RunConfig
from cogloat.data.imageset import ImageSet
from cogloat.objectives import Materials
from cogloat.randomness import seeded_globally
from cogloat.training.checkpoint import save_checkpoint

CPU = torch.device("cpu")


def image_set(counts: list[int]) -> ImageSet:
    """Return random 8x8 images, class by class."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    pixels = torch.randint(0, 256, (len(labels), 3, 8, 8), generator=draw, dtype=torch.uint8)
    return ImageSet(pixels, labels, torch.tensor(counts))


def configured(method: str, stage: str, classes: int, **changes: Any) -> RunConfig:
    """Return a shipped method's configuration on digits, with other numbers."""
    config = run_config(REPO / "config", "digits", 100, method, 0, stage)
    settings = config.settings.model_copy(update=changes)
    settings = type(settings).model_validate(settings.model_dump())
    data = config.data.model_copy(update={"classes": classes})
    return config.model_copy(update={"settings": settings, "data": data})


def build(config: RunConfig, images: ImageSet, **materials: Any) -> Any:
    """Return the objective of a configuration, ready for its first epoch."""
    module = importlib.import_module(f"cogloat.objectives.{config.settings.objective}")
    with seeded_globally(0, "test"):
        objective = module.build(Materials(config, images, CPU, **materials))
    objective.train()
    objective.start_epoch(0)
    return objective


def without_augmentation(config: RunConfig) -> RunConfig:
    """Return a configuration whose views are the images themselves."""
    names = dict.fromkeys(config.data.augmentations, ())
    return config.model_copy(
        update={"data": config.data.model_copy(update={"augmentations": names})}
    )


def save_weights(path: Path, module: torch.nn.Module) -> Path:
    """Write a module's weights as the scripts do."""
    save_checkpoint(path, module.state_dict())
    return path
