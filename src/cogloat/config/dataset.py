"""The type of config/datasets/<name>.yaml: where images come from, and what a run gets of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cogloat.config.augmentation import Operation
from cogloat.config.types import Channels, Count, Strict


class TorchvisionCifar(Strict):
    kind: Literal["torchvision_cifar"]
    name: Literal["cifar10", "cifar100"]
    url: str = Field(description="archive to download; a mirror or file:// address will do")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ImageFolder(Strict):
    kind: Literal["image_folder"]
    path: str = Field(description="folder that holds train/<class>/* and test/<class>/*")


class ListFile(Strict):
    kind: Literal["list_file"]
    root: str = Field(description="folder the listed paths start from")
    train: str = Field(description="file of lines 'path label'")
    test: str


class Digits(Strict):
    kind: Literal["digits"]
    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    seed: int


Source = Annotated[TorchvisionCifar | ImageFolder | ListFile | Digits, Field(discriminator="kind")]


class ShotGroups(Strict):
    many_above: Count = Field(description="'many': classes with more training images than this")
    few_below: Count = Field(description="'few': classes with fewer training images than this")


class Validation(Strict):
    """Images of the training part that no training sees."""

    images_per_class: Count
    seed: Annotated[int, Field(ge=0, lt=2**32)]


class Resources(Strict):
    """What one job of this dataset asks for."""

    threads: Count
    mem_mb: Count
    largest_class: Count = Field(
        description="training images of the largest class, for estimates before a set is drawn"
    )
    images_per_second: Count = Field(
        description="a cautious rate of forward passes in training, from which the time that a job "
        "asks for is estimated"
    )


class Dataset(Strict):
    """config/datasets/<name>.yaml.

    A file that begins with `extends: base/<name>` holds only what differs from that file.
    """

    label: str
    source: Source
    classes: Annotated[int, Field(ge=2)]
    image_size: Count
    mean: Channels
    std: Channels
    depth: Count = Field(description="layers of the CIFAR ResNet, 6n+2")
    split_seed: int
    validation: Validation | None = Field(
        default=None,
        description="images held out of training, by which the best epoch is chosen and sweeps are "
        "judged; without it the test set chooses, as in published code",
    )
    shot_groups: ShotGroups
    recipes: dict[str, tuple[Operation, ...]] = Field(
        description="augmentations by their names, which tables print"
    )
    augmentations: dict[str, str] = Field(
        description="what a method's settings call a view -> the recipe it is made by on this data"
    )
    resources: Resources
    overrides: dict[str, dict] = Field(
        default_factory=dict,
        description="keys that replace a method's or a coreset's on this data, by the stage "
        "(pretrain, finetune, train, proxy) and, over these, by the objective",
    )

    @model_validator(mode="after")
    def _recipes_exist(self) -> Self:
        for role, recipe in self.augmentations.items():
            if recipe not in self.recipes:
                raise ValueError(f"augmentations.{role}: there is no recipe '{recipe}'")
        return self


class Data(Strict):
    """What a run's effective configuration holds of its dataset.

    Attributes:
        augmentations: role -> operations.
        recipes: role -> the recipe's name.
    """

    classes: int
    image_size: int
    mean: Channels
    std: Channels
    augmentations: dict[str, tuple[Operation, ...]]
    recipes: dict[str, str]
    validation: Validation | None = None
