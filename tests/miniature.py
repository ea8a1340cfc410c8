"""Tiny image sets, objectives of the shipped methods on them, and networks that say what they see.

A numbered image shows its number, which set it is of, and whether it was flipped. A reader is a
network that reads this, embeds each image by a table's row, and keeps what it was given. So a test
sees from outside which image stands in which row and by which augmentation its view was made.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cogloat import randomness
from cogloat.checkpoint import save_checkpoint
from cogloat.config.augmentation import Flip, Operation
from cogloat.config.backbone import CifarBackbone
from cogloat.data.imageset import ImageSet
from cogloat.methods import rooms
from cogloat.methods.inputs import Inputs
from cogloat.methods.proco.objective import ProCo
from cogloat.methods.supcon_proco.objective import ProCoInBatch
from cogloat.randomness import seeded_globally
from cogloat.ranks import ALONE
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import run_config

CPU = torch.device("cpu")
BACKBONE, DEEPER = (CifarBackbone(kind="cifar", depth=depth) for depth in (8, 14))
CONFIG = Path(__file__).parents[1] / "config"
MEAN, STD = 0.4, 0.25  # of the numbered images
PLAIN: tuple[Operation, ...] = ()
FLIPPED = (Flip(op="flip", p=1.0),)
EITHER = (Flip(op="flip", p=0.5),)
WITH_CORESET: dict[str, Any] = {"proco": ProCo, "supcon_proco": ProCoInBatch}


# --- sets ---


def image_set(counts: list[int]) -> ImageSet:
    """Return random 8x8 images, class by class."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    pixels = torch.randint(0, 256, (len(labels), 3, 8, 8), generator=draw, dtype=torch.uint8)
    return ImageSet(pixels, labels, torch.tensor(counts))


def numbered(counts: list[int], first: int = 0) -> ImageSet:
    """Return 2x2 images that show their numbers, from `first` on; the classes are mixed.

    The number is in the left column's red (ones) and green (256s), and blue marks the right column.
    """
    draw = torch.Generator().manual_seed(len(counts))
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=draw)]
    numbers = torch.arange(first, first + len(labels))
    pixels = torch.zeros(len(labels), 3, 2, 2, dtype=torch.uint8)
    pixels[:, 0, :, 0] = (numbers % 256)[:, None].byte()
    pixels[:, 1, :, 0] = (numbers // 256)[:, None].byte()
    pixels[:, 2, :, 1] = 255
    return ImageSet(pixels, labels, torch.tensor(counts))


# --- objectives ---


def configured(method: str, stage: str, classes: int, **changes: Any) -> RunConfig:
    """Return a shipped method's configuration on digits, with other numbers."""
    config = run_config(CONFIG, "digits", 100, method, 0, stage)
    settings = config.settings.model_copy(update=changes)
    settings = type(settings).model_validate(settings.model_dump())
    data = config.data.model_copy(update={"classes": classes})
    return config.model_copy(update={"settings": settings, "data": data})


def for_numbers(config: RunConfig, **recipes: tuple[Operation, ...]) -> RunConfig:
    """Return a configuration for numbered images, with recipes for some roles, none for others."""
    made = dict.fromkeys(config.data.augmentations, PLAIN) | recipes
    data = {"augmentations": made, "mean": (MEAN,) * 3, "std": (STD,) * 3, "image_size": 2}
    return config.model_copy(update={"data": config.data.model_copy(update=data)})


def without_augmentation(config: RunConfig) -> RunConfig:
    """Return a configuration whose views are the images themselves."""
    names = dict.fromkeys(config.data.augmentations, PLAIN)
    return config.model_copy(
        update={"data": config.data.model_copy(update={"augmentations": names})}
    )


def build(
    config: RunConfig, images: ImageSet, coreset: ImageSet | None = None, **given: Any
) -> Any:
    """Return the objective of a configuration, in training, before its first epoch.

    Args:
        config: of the run's stage.
        images: the training set.
        coreset: behind prototypes.
        given: the test set, validation, seed, device and ranks, and files by their names.
    """
    judges = {name: given.pop(name, None) for name in ("test", "validation")}
    seed, device = given.pop("seed", config.seed), given.pop("device", CPU)
    judges["ranks"] = given.pop("ranks", ALONE)
    inputs = Inputs(config.data, config.backbone, images, device, seed, files=given, **judges)
    with seeded_globally(0, "test"):
        objective = (
            rooms.build(config.settings, inputs)
            if coreset is None
            else WITH_CORESET[config.settings.objective](config.settings, inputs, coreset)
        )
    return objective.train()


def save_weights(path: Path, module: nn.Module) -> Path:
    """Write a module's weights as the scripts do."""
    save_checkpoint(path, module.state_dict())
    return path


# --- readers ---


@dataclass(frozen=True)
class Given:
    """What a reader was given in one pass: the images' numbers, and how it was called."""

    numbers: tuple[int, ...]
    flipped: tuple[bool, ...]
    training: bool
    gradient: bool

    @property
    def rows(self) -> list[tuple[int, bool]]:
        """Each row's number, and whether its image was flipped."""
        return list(zip(self.numbers, self.flipped, strict=True))


class Reader(nn.Module):
    """Embeds a numbered image by the row of its number; a flipped one has a row of its own.

    Args:
        images: there are.
        width: of the embedding.
        seed: of the table.
        dtype: of the embeddings, such as autocast makes them.
    """

    def __init__(
        self, images: int, width: int, seed: int, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        table = torch.randn(2, images, width, generator=draw)
        self.table = nn.Parameter(F.normalize(table, dim=2))
        self.feature_dim, self.dtype = width, dtype
        self.given: list[Given] = []

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, 2, 2] to embeddings [B, width]."""
        numbers, flipped = read(images * STD + MEAN)
        self.given.append(
            Given(
                tuple(numbers.tolist()),
                tuple(flipped.tolist()),
                self.training,
                torch.is_grad_enabled(),
            )
        )
        return self.table[flipped.long(), numbers].to(self.dtype)


def read(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers of images in 0..1, and which of them were flipped."""
    flipped = pixels[:, 2, 0, 0] > pixels[:, 2, 0, 1]
    upright = torch.where(flipped[:, None, None, None], pixels.flip(3), pixels)
    levels = 255 * upright[:, :, :, 0].detach()
    torch.testing.assert_close(levels, levels.round(), atol=0.01, rtol=0)
    red, green, _ = levels.round().long()[:, :, 0].unbind(dim=1)
    return red + 256 * green, flipped


def rows_of(table: Tensor, rows: list[tuple[int, bool]]) -> Tensor:
    """Return the embeddings [B, width] of numbers that may be flipped."""
    return torch.stack([table[int(flipped), number] for number, flipped in rows])


def as_double(parameter: Tensor) -> Tensor:
    """Return a copy in float64 that takes a gradient."""
    return parameter.detach().double().requires_grad_()


def kept_outputs(network: nn.Module) -> list[Tensor]:
    """Return a list that each of the network's outputs will be added to."""
    kept: list[Tensor] = []
    network.register_forward_hook(lambda _, __, out: kept.append(out.detach()))
    return kept


# --- draws ---


@dataclass(frozen=True)
class Draw:
    """A generator that was made: for which draw of which run, and its seed."""

    run: int
    where: tuple[int | str, ...]
    seed: int


@contextmanager
def recorded_draws() -> Iterator[list[Draw]]:
    """Keep every generator that is made inside the block."""
    draws: list[Draw] = []
    derive = randomness.derive_seed

    def recorded(seed: int, *where: int | str) -> int:
        draws.append(Draw(seed, where, derive(seed, *where)))
        return draws[-1].seed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(randomness, "derive_seed", recorded)
        yield draws


def trained_epochs(objective: Any, batch: int, epochs: range) -> Mapping[int, list[Tensor]]:
    """Run the objective's epochs as the loop does, without an optimizer; return the batches."""
    made = {}
    for epoch in epochs:
        made[epoch] = list(objective.order(epoch).split(batch))
        objective.start_epoch(epoch)
        for step, positions in enumerate(made[epoch]):
            objective.loss(positions, epoch, step)
    return made
