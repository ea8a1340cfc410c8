"""The type of config/datasets/<name>.yaml: where images come from, and what a run gets of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from cogloat.arithmetic import Arithmetic
from cogloat.config.address import FileAddress
from cogloat.config.augmentation import GreyLevel, Operation
from cogloat.config.backbone import Backbone
from cogloat.config.types import (
    BlobId,
    Channels,
    Count,
    Digest,
    FilePath,
    Label,
    Name,
    Seed,
    Strict,
    Threads,
)
from cogloat.errors import nearest

GREY_LEVELS = 255
MARGIN = 8 / 7  # of ImageNet's tests: the shorter side is scaled to 256 pixels, and 224 are kept
SMALLEST_DEVIATION = 0.001  # a quarter of a grey level: images without a picture


def _check_means(means: Channels) -> Channels:
    """Refuse means of pixels that are not in 0..1."""
    for mean in means:
        if not 0 <= mean <= 1:
            raise ValueError(f"a mean of {mean:g} is not of pixels in 0..1. {_in_unit(means)}")
    return means


def _check_deviations(deviations: Channels) -> Channels:
    """Refuse deviations of pixels that are not in 0..1, or do not deviate."""
    for deviation in deviations:
        if not SMALLEST_DEVIATION <= deviation <= 1:
            raise ValueError(
                f"a standard deviation of {deviation:g} is not of pixels in 0..1. "
                f"{_in_unit(deviations)}"
            )
    return deviations


def _in_unit(values: Channels) -> str:
    if all(0 <= value <= GREY_LEVELS for value in values) and max(values) > 1:
        divided = ", ".join(f"{value / GREY_LEVELS:.4g}" for value in values)
        return f"Divide by {GREY_LEVELS}: [{divided}]."
    return "Write that of each channel, such as [0.491, 0.482, 0.447] or [0.202, 0.199, 0.201]."


def check_shot_groups(many_above: int, few_below: int) -> None:
    """Refuse thresholds by which a class is in both groups.

    Raises:
        ValueError: with a class that is, and thresholds by which it is not.
    """
    if many_above < few_below - 1:
        raise ValueError(
            f"with many_above {many_above} and few_below {few_below}, a class of {many_above + 1} "
            f"images has many and few of them. Write at most {many_above + 1} for few_below, or at "
            f"least {few_below - 1} for many_above."
        )


Means = Annotated[Channels, AfterValidator(_check_means)]
Deviations = Annotated[Channels, AfterValidator(_check_deviations)]
Classes = Annotated[int, Field(ge=2, le=100_000)]

BACKGROUND = Field(
    default=255, description="grey level that shows where an image is transparent; 255 is white"
)


class TorchvisionCifar(Strict):
    kind: Literal["torchvision_cifar"]
    name: Literal["cifar10", "cifar100"]
    url: FileAddress = Field(description="archive to download; a mirror or file:// address will do")
    sha256: Digest
    timeout: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60, description="seconds that a download may stand still before it is given up"
    )

    @property
    def fixed(self) -> dict[str, int]:
        """What the archive's images are, whatever the dataset's file says."""
        return {"classes": 10 if self.name == "cifar10" else 100, "image_size": 32}


class ImageFolder(Strict):
    kind: Literal["image_folder"]
    path: FilePath = Field(description="folder that holds train/<class>/* and test/<class>/*")
    background: GreyLevel = BACKGROUND


class Blobs(Strict):
    """The official lists, by Git's names of their bytes."""

    train: BlobId | None = None
    test: BlobId | None = None
    validation: BlobId | None = None


class ListFile(Strict):
    kind: Literal["list_file"]
    root: FilePath = Field(description="folder the listed paths start from")
    train: FilePath = Field(description="file of lines 'path label'")
    test: FilePath
    validation: FilePath | None = Field(
        default=None,
        description="images that no training sees and that the best epoch is chosen by, in place "
        "of some that are held out of the training part",
    )
    blobs: Blobs | None = Field(
        default=None,
        description="what each list must be: its blob id in a Git repository, SHA-1 of 'blob', its "
        "size and its bytes, as `git hash-object FILE` prints it; its first digits will do",
    )
    background: GreyLevel = BACKGROUND

    @model_validator(mode="after")
    def _blobs_are_of_lists(self) -> Self:
        if self.blobs is not None and self.blobs.validation and self.validation is None:
            raise ValueError(
                "blobs.validation: there is no list 'validation'. Name one, or leave its blob out."
            )
        return self


class Digits(Strict):
    kind: Literal["digits"]
    test_fraction: Annotated[float, Field(ge=0.01, le=0.99)]  # every class is in both parts
    seed: Seed

    @property
    def fixed(self) -> dict[str, int]:
        """What the embedded images are, whatever the dataset's file says."""
        return {"classes": 10, "image_size": 8}


ImageFiles = ImageFolder | ListFile
Source = Annotated[TorchvisionCifar | ImageFiles | Digits, Field(discriminator="kind")]


class ShotGroups(Strict):
    many_above: Count = Field(description="'many': classes with more training images than this")
    few_below: Count = Field(description="'few': classes with fewer training images than this")

    @model_validator(mode="after")
    def _do_not_overlap(self) -> Self:
        check_shot_groups(self.many_above, self.few_below)
        return self


class Validation(Strict):
    """Images of the training part that no training sees."""

    images_per_class: Count
    seed: Seed


Listed = Literal["listed"]
LISTED: Listed = "listed"


class Slots(Strict):
    """A store of images of unequal size, each in a slot of 1.5 times its height.

    Training images keep their form, but for what is beyond 3:2; they are turned to lie on their
    long side.
    """

    short_side: Annotated[int, Field(ge=8, le=4096)] = Field(
        description="height of a slot in pixels; larger images are scaled down to it, none up"
    )

    @property
    def long_side(self) -> int:
        """Width of a slot in pixels."""
        return self.short_side * 3 // 2


class Resources(Strict):
    """What one job of this dataset asks for."""

    threads: Threads
    processes: Threads = Field(
        default=1,
        description="that share each batch of a training, each with a GPU, threads and mem_mb of "
        "its own; fewer where a method's groups cannot be shared so",
    )
    mem_mb: Count
    largest_class: Count = Field(
        description="training images of the largest class, for estimates before a set is drawn"
    )
    images: Count | None = Field(
        default=None,
        description="training images of the whole data, for estimates before their list is there; "
        "without it, as many of each class as of the largest",
    )
    images_per_second: Count = Field(
        description="a cautious rate of forward passes in training, from which the time that a job "
        "asks for is estimated"
    )
    arithmetic: Arithmetic = Field(
        default="native",
        description="of trainings and measurements: native, by all that a processor has, or "
        "portable, the same bits on every x86-64 processor with AVX2, on one thread and no GPU",
    )

    @model_validator(mode="after")
    def _portable_on_one_thread(self) -> Self:
        if self.arithmetic == "portable" and self.threads != 1:
            raise ValueError(
                f"portable arithmetic is on one thread, but threads is {self.threads}. Write "
                "threads: 1, or arithmetic: native."
            )
        return self


class OfMethod(Strict):
    """What a single method has on a dataset, and no other."""

    backbone: Backbone | None = Field(
        default=None, description="its network, in place of the dataset's"
    )
    pretrain: dict = Field(default_factory=dict, description="keys that replace its stage's")
    finetune: dict = Field(default_factory=dict, description="likewise")
    train: dict = Field(default_factory=dict, description="likewise")


class Dataset(Strict):
    """config/datasets/<name>.yaml.

    A file that begins with `extends: base/<name>` holds only what differs from that file.
    """

    label: Label
    source: Source
    classes: Classes
    image_size: Count = Field(description="side in pixels of what networks are given")
    store: Slots | None = Field(
        default=None,
        description="how training images are kept, if not as squares of `image_size`; test and "
        "validation images are always such squares",
    )
    mean: Means = Field(description="of each channel's pixels, in 0..1")
    std: Deviations = Field(description="of each channel's pixels, in 0..1")
    backbone: Backbone = Field(description="network that makes features of the images")
    split_seed: Seed
    validation: Validation | None = Field(
        default=None,
        description="images held out of training, by which the best epoch is chosen and sweeps are "
        "judged; without it the test set chooses, as in published code",
    )
    shot_groups: ShotGroups
    recipes: dict[Name, tuple[Operation, ...]] = Field(
        description="augmentations by their names, which tables print"
    )
    augmentations: dict[Name, Name] = Field(
        description="what a method's settings call a view -> the recipe it is made by on this data"
    )
    resources: Resources
    overrides: dict[str, dict] = Field(
        default_factory=dict,
        description="keys that replace a method's or a coreset's on this data, by the stage "
        "(pretrain, finetune, train, proxy) and, over these, by the objective",
    )
    methods: dict[Name, OfMethod] = Field(
        default_factory=dict,
        description="method -> what is its own on this data, over `overrides`",
    )

    @field_validator("classes", "image_size")
    @classmethod
    def _is_the_sources(cls, value: int, info: ValidationInfo) -> int:
        source = info.data.get("source")  # missing where it is not valid itself
        if isinstance(source, TorchvisionCifar | Digits):
            fixed = source.fixed[str(info.field_name)]
            if value != fixed:
                raise ValueError(
                    f"must be {fixed} for the source '{source.kind}', but it is {value}. "
                    "Change the value."
                )
        return value

    @field_validator("store")
    @classmethod
    def _is_of_files(cls, store: Slots | None, info: ValidationInfo) -> Slots | None:
        source = info.data.get("source")
        if store is not None and isinstance(source, TorchvisionCifar | Digits):
            raise ValueError(
                f"the images of the source '{source.kind}' are squares of one size. Leave it out."
            )
        return store

    @property
    def judged_by(self) -> Validation | Listed | None:
        """What chooses the best epoch: images held out by a drawing or a list, or the test set."""
        if isinstance(self.source, ListFile) and self.source.validation is not None:
            return LISTED
        return self.validation

    @model_validator(mode="after")
    def _one_validation(self) -> Self:
        if self.validation is not None and self.judged_by != self.validation:
            raise ValueError(
                "validation: the source has a list of validation images already. Leave out one of "
                "`validation` and `source.validation`."
            )
        return self

    @model_validator(mode="after")
    def _recipes_exist(self) -> Self:
        for role, recipe in self.augmentations.items():
            if recipe not in self.recipes:
                raise ValueError(
                    f"augmentations.{role}: there is no recipe '{recipe}'. "
                    f"{nearest(recipe, self.recipes)}"
                )
        return self


class Data(Strict):
    """What a run's effective configuration holds of its dataset.

    Attributes:
        augmentations: role -> operations.
        recipes: role -> the recipe's name.
        store: how training images are kept, if not as squares.
        validation: how the images were drawn that no training sees, or that they are listed.
    """

    classes: Classes
    image_size: Count
    store: Slots | None = None
    mean: Means
    std: Deviations
    augmentations: dict[Name, tuple[Operation, ...]]
    recipes: dict[Name, Name]
    validation: Validation | Listed | None = None

    @property
    def validation_is_drawn(self) -> bool:
        """Whether validation images are of the training part, and a file says which."""
        return isinstance(self.validation, Validation)
