"""What the settings of every room have, and what they say of it to the rest. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from cogloat.config.types import (
    LARGEST,
    BelowOne,
    Count,
    Fraction,
    HeadName,
    InitName,
    Name,
    NonNegative,
    Positive,
    Share,
    StageName,
    Strict,
)

GRADIENT = 3  # forward and backward, in forward passes


class CoresetOf(NamedTuple):
    """The images that a file in config/coresets describes, of the run's long-tailed set."""

    coreset: str


class WeightsOf(NamedTuple):
    """The weights that another method's run of the same data and seed leaves, with this head."""

    method: str
    head: HeadName


class FileAt(NamedTuple):
    """A file that a rule makes or a user provides.

    {dataset}, {imbalance} (such as if100) and {classes} in its path are filled in.
    """

    path: str


Need = CoresetOf | WeightsOf | FileAt


class Optimizer(Strict):
    lr: Positive
    momentum: BelowOne
    weight_decay: NonNegative
    clip: Positive | None = Field(
        default=None, description="norm that a step's whole gradient does not exceed"
    )


class Cosine(Strict):
    kind: Literal["cosine"]
    warmup: Share = Field(default=0.0, description="share of the epochs with a linear warm-up")
    cycles: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1,
        description="equal parts of the epochs, each a whole cosine and a fresh optimizer",
    )
    warmup_from: Fraction | None = Field(
        default=None,
        description="learning-rate factor of the warm-up's first epoch; without it, one part of as "
        "many as it has epochs",
    )
    floor: Fraction = Field(
        default=0.0, description="learning-rate factor that the cosine falls towards"
    )
    points: Literal["from_one", "between", "to_zero"] = Field(
        default="from_one",
        description="where the n epochs of a cycle are on the cosine: at 0 to n-1 of n, as in "
        "MoCo's code; at 1 to n of n+1, as in PaCo's and BCL's; at 1 to n of n, where the last "
        "epoch's rate is the floor, as in Kang et al.'s. Only in the first they include a warm-up",
    )

    @model_validator(mode="after")
    def _warms_up_from_there(self) -> Self:
        if self.warmup_from is not None and self.warmup == 0:
            raise ValueError(
                f"warmup_from ({self.warmup_from:g}) has no warm-up. Write a `warmup` above 0, or "
                "warmup_from: null."
            )
        return self


class Steps(Strict):
    kind: Literal["steps"]
    warmup: Share = Field(default=0.0, description="share of the epochs with a linear warm-up")
    at: tuple[Share, ...] = Field(description="shares of the epochs after which the rate changes")
    factors: tuple[Positive, ...] = Field(description="learning-rate factor from each of them on")

    @model_validator(mode="after")
    def _follow_each_other(self) -> Self:
        if len(self.at) != len(self.factors):
            raise ValueError(
                f"'at' has {len(self.at)} entries, 'factors' {len(self.factors)}. "
                "Write a factor for each."
            )
        if list(self.at) != sorted(set(self.at)):
            raise ValueError(
                f"'at' does not rise: {list(self.at)}. Write {sorted(set(self.at))}, with a factor "
                "for each."
            )
        return self


Schedule = Annotated[Cosine | Steps, Field(discriminator="kind")]


class Stage(Strict):
    """What every stage has.

    Attributes:
        stages: in which the room can be used.
        framework: what a table calls the way in which it trains a network, in a word.
    """

    stages: ClassVar[tuple[StageName, ...]]
    framework: ClassVar[str]

    objective: str = Field(description="name of a folder in src/cogloat/methods")

    def shared_by(self, processes: int) -> int:
        """Return how many of some processes can share its work."""
        return 1

    @property
    def augmentations(self) -> tuple[str, ...]:
        """Names of the dataset's augmentations that the stage draws from."""
        return ()

    @property
    def needs(self) -> Mapping[str, Need]:
        """What the graph hands over beside the images: name -> what it is."""
        return {}

    @property
    def passes(self) -> float:
        """Work on one training image in one epoch, in forward passes of the network."""
        return 1


class Training(Stage):
    """What every stage that trains has.

    Attributes:
        steady: whether all steps do the same, so that a few can be timed for all.
        distributed: whether several processes can share its batches.
    """

    steady: ClassVar[bool] = True
    distributed: ClassVar[bool] = False

    epochs: Count
    batch_size: Annotated[int, Field(ge=2, le=LARGEST)]
    optimizer: Optimizer
    schedule: Schedule
    drop_last: bool = Field(description="leave out a last batch that is not whole")
    groups: Count = Field(
        default=1,
        description="of the batch's images, with batch-norm statistics of their own, as on so many "
        "devices; processes that share the batch share them equally. Of more than one, keys are "
        "grouped otherwise than queries",
    )
    augmentation: Name = Field(description="name of one of the dataset's augmentations")
    init: InitName = Field(
        default="kaiming",
        description="how the weights of the backbone and of a linear classifier begin: "
        "Kaiming-normal, or as PyTorch's layers do, whose convolutions are 2.45 times smaller",
    )

    @model_validator(mode="after")
    def _batch_has_equal_groups(self) -> Self:
        if self.batch_size % self.groups or self.batch_size < 2 * self.groups:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of groups ({self.groups}), "
                "with at least two images for each. Write another divisor, such as 1."
            )
        return self

    def shared_by(self, processes: int) -> int:
        """Return how many of some processes can share its batches: those that divide the groups."""
        return math.gcd(self.groups, processes) if self.distributed else 1

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The one that every training has."""
        return (self.augmentation,)

    @property
    def passes(self) -> float:
        """One with gradient."""
        return GRADIENT


class Judged(Stage):
    """What every stage that leaves a classifier has."""

    stages: ClassVar[tuple[StageName, ...]] = ("train",)

    @property
    def head_kind(self) -> HeadName:
        """The classifier on top of the backbone."""
        return "linear"

    @property
    def score_scale(self) -> float:
        """What the loss multiplies the classifier's scores by, before its softmax."""
        return 1.0


class FromRun(Stage):
    """What every stage has that begins with the weights of another run."""

    start: Name = Field(
        description="method whose run of the same data and seed has the backbone and a linear "
        "classifier"
    )

    @property
    def needs(self) -> Mapping[str, Need]:
        """That run's weights."""
        return {"start": WeightsOf(self.start, head="linear")}


class Computed(Judged, FromRun):
    """What a stage has that computes its classifier from another run, without a training."""

    framework = "computed"

    @property
    def epochs(self) -> int:
        """What is computed at once is an epoch."""
        return 1


class Supervised(Judged, Training):
    """What every stage that trains a classifier has."""

    evaluate_every: Count = Field(description="epochs between two test-set accuracies in history")
    sampler: Literal["instance", "class_aware"] = Field(
        default="instance",
        description="the images of an epoch: each once, or as many of each class, four at a time, "
        "the classes in turn",
    )

    @property
    def head_init(self) -> InitName:
        """How its weights begin, if it is linear."""
        return self.init


class LinearHead(Strict):
    kind: Literal["linear"]


class CosineHead(Strict):
    kind: Literal["cosine"]
    scale: Positive


class BesideContrast(Supervised):
    """What BCL and the vMF contrast have: a classifier beside two views that are contrasted."""

    contrastive_augmentation: Name = Field(
        description="of two views; `augmentation` is the classifier's"
    )
    head: Annotated[LinearHead | CosineHead, Field(discriminator="kind")]

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The classifier's and the contrastive views'."""
        return (self.augmentation, self.contrastive_augmentation)

    @property
    def head_kind(self) -> HeadName:
        """As the settings say."""
        return self.head.kind

    @property
    def score_scale(self) -> float:
        """The cosines', if it has some."""
        return self.head.scale if isinstance(self.head, CosineHead) else 1.0

    @property
    def passes(self) -> float:
        """Three views with gradient."""
        return 3 * GRADIENT


def check_queue(queue: int, batch_size: int, *, drop_last: bool) -> None:
    """Refuse a queue of keys that batches do not fill.

    Raises:
        ValueError: naming the keys.
    """
    if queue % batch_size:
        raise ValueError(
            f"queue ({queue}) must be a multiple of batch_size ({batch_size}). "
            f"Write a queue of {queue - queue % batch_size + batch_size}."
        )
    if not drop_last:
        raise ValueError(
            "drop_last is false, but the queue takes whole batches. Write drop_last: true."
        )
