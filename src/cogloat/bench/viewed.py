"""Seconds of augmentation: ours, torchvision's on PIL's images in process, and kornia's."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import torch
from torchvision.transforms.functional import to_pil_image

from cogloat.bench.found import Found
from cogloat.bench.peers import has_kornia, kornia_transform, torchvision_transform
from cogloat.bench.scene import CPU, SEED, Scene
from cogloat.bench.turns import take_turns
from cogloat.config.dataset import Data
from cogloat.data.augmentation import Augmentation
from cogloat.data.imageset import load_training_set
from cogloat.errors import UserError, nearest
from cogloat.randomness import generator
from cogloat.runs.bench import Quantity
from cogloat.runs.load import load_dataset

NO_KORNIA = "kornia is not installed"


def measure(asked: Sequence[Quantity], scene: Scene) -> dict[Quantity, Found]:
    """Time augmentations in turns, each on the same images."""
    out = [own for own in asked if own.what == "kornia" and not has_kornia()]
    timed = [own for own in asked if own not in out]
    data = augmented_data(scene, [own.of for own in timed])
    images = load_training_set(scene.store, scene.split, data, CPU).images_NCHW
    assert isinstance(images, torch.Tensor)  # of small images
    pixels = images.repeat(-(-scene.bench.views // len(images)), 1, 1, 1)[: scene.bench.views]
    pictures = [to_pil_image(own) for own in pixels]
    draw = generator(SEED, "views")
    random.seed(SEED)

    def action(own: Quantity) -> Callable[[], object]:
        match own.what:
            case "torchvision":
                transform = torchvision_transform(own.of, data)
                return lambda: torch.stack([transform(picture) for picture in pictures])
            case "kornia":
                transform_all = kornia_transform(own.of, data)
                return lambda: transform_all(pixels.float() / 255)
        augment = Augmentation.named(own.of, data)
        return lambda: augment(pixels, draw)

    actions = {own: action(own) for own in timed}
    for first in actions.values():
        first()
    seconds = take_turns(actions, scene.bench.rounds.viewed, "augmentation")
    found = {own: Found(tuple(rounds)) for own, rounds in seconds.items()}
    return found | {own: Found((), NO_KORNIA) for own in out}


def augmented_data(scene: Scene, names: Sequence[str]) -> Data:
    """Return the dataset with some of its augmentations.

    Raises:
        UserError: if there is no such augmentation.
    """
    dataset = load_dataset(scene.config, scene.bench.data.dataset)
    for name in names:
        if name not in dataset.augmentations:
            raise UserError(
                f"bench.yaml: '{name}' is no augmentation of {scene.bench.data.dataset}. "
                f"{nearest(name, dataset.augmentations)}"
            )
    recipes = {name: dataset.augmentations[name] for name in names}
    return Data(
        classes=dataset.classes,
        image_size=scene.side,
        mean=dataset.mean,
        std=dataset.std,
        augmentations={name: dataset.recipes[recipe] for name, recipe in recipes.items()},
        recipes=recipes,
    )
