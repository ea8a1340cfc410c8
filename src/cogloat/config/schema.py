"""The configuration's types. Unknown keys, wrong types and values out of range are errors."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[Positive, Positive]
Channels = tuple[float, float, float]
StageName = Literal["pretrain", "finetune", "train"]


class Strict(BaseModel):
    """A frozen section in which a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# --- augmentation: one entry an operation, applied in order, each image with its own draw ---


class RandomResizedCrop(Strict):
    op: Literal["random_resized_crop"]
    scale: Range = Field(description="fraction of the image's area that the crop keeps")
    ratio: Range = Field(default=(3 / 4, 4 / 3), description="width over height of the crop")


class PaddedCrop(Strict):
    op: Literal["padded_crop"]
    padding: Count = Field(description="zero pixels added on each side before the crop")


class Flip(Strict):
    op: Literal["flip"]
    p: Fraction = 0.5


class ColorJitter(Strict):
    op: Literal["color_jitter"]
    brightness: NonNegative
    contrast: NonNegative
    saturation: NonNegative
    hue: Annotated[float, Field(ge=0, le=0.5)]
    p: Fraction


class Grayscale(Strict):
    op: Literal["grayscale"]
    p: Fraction


class Blur(Strict):
    op: Literal["blur"]
    sigma: Range = Field(description="standard deviation of the kernel, in pixels")
    kernel: Count = Field(description="width of the kernel, odd, in pixels")
    p: Fraction


class Affine(Strict):
    op: Literal["affine"]
    degrees: NonNegative
    translate: Fraction = Field(description="largest shift, as a fraction of the image's side")
    scale: Range


Operation = Annotated[
    RandomResizedCrop | PaddedCrop | Flip | ColorJitter | Grayscale | Blur | Affine,
    Field(discriminator="op"),
]


# --- where images come from ---


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


# --- how a stage trains ---


class Optimizer(Strict):
    lr: Positive
    momentum: Fraction
    weight_decay: NonNegative


class Cosine(Strict):
    kind: Literal["cosine"]
    warmup: Fraction = Field(default=0.0, description="share of the epochs with a linear warm-up")


class Steps(Strict):
    kind: Literal["steps"]
    warmup: Fraction = Field(default=0.0, description="share of the epochs with a linear warm-up")
    at: tuple[Fraction, ...] = Field(description="shares of the epochs after which the rate falls")
    factors: tuple[Positive, ...] = Field(description="learning-rate factor from each of them on")

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.at) != len(self.factors) or list(self.at) != sorted(self.at):
            raise ValueError("'at' must rise and have as many entries as 'factors'")
        return self


Schedule = Annotated[Cosine | Steps, Field(discriminator="kind")]


class Training(Strict):
    """What every stage that trains has."""

    drop_last: ClassVar[bool]
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    optimizer: Optimizer
    schedule: Schedule
    augmentation: str = Field(description="name of one of the dataset's augmentations")


class ConstantTemperature(Strict):
    kind: Literal["constant"]
    value: Positive


class AdaptiveTemperature(Strict):
    kind: Literal["adaptive"]
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(description="eq. 8's only free parameter")


class Positives(Strict):
    from_dataset: Annotated[int, Field(ge=0)] = Field(
        description="k of eq. 1: same-class images drawn from the whole training set"
    )
    from_queue: Annotated[int, Field(ge=0)] | Literal["all"] = Field(
        description="same-class queue entries that count as positives"
    )


class Prototypes(Strict):
    """The ProCo term."""

    alpha: Fraction = Field(
        description="weight of the contrastive term; the ProCo term has 1-alpha"
    )
    coreset: str = Field(description="name of a file in config/coresets")
    temperature: Positive
    query_views: Literal[1, 2] = Field(description="views of the query that meet the prototypes")


class Pretrain(Training):
    """Contrastive pre-training of a momentum pair."""

    projection: tuple[Count, Count] = Field(description="widths of the head: hidden, output")
    key_momentum: Fraction
    queue: Count = Field(description="number of keys kept; a multiple of the batch size")
    negatives: Literal["queue", "batch", "both"]
    positives: Positives
    denominator: Literal["separate", "shared"] = Field(
        description="separate: each positive competes with the negatives alone (eq. 1)"
    )
    temperature: Annotated[ConstantTemperature | AdaptiveTemperature, Field(discriminator="kind")]
    joint_views: bool = Field(
        description="one forward pass, and one set of batch-norm statistics, for all views"
    )
    batch_norm_splits: Count = Field(description="groups with batch-norm statistics of their own")
    prototypes: Prototypes | None = None

    drop_last: ClassVar[bool] = True  # the queue takes whole batches; TSC's MoCo code does so too

    @property
    def objective(self) -> str:
        """Module of `cogloat.objectives` that turns a batch into the loss."""
        return "contrastive" if self.prototypes is None else "prototypical"

    @model_validator(mode="after")
    def _queue_holds_whole_batches(self) -> Self:
        if self.queue % self.batch_size:
            raise ValueError(
                f"queue ({self.queue}) must be a multiple of batch_size ({self.batch_size})"
            )
        if self.batch_size % self.batch_norm_splits:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of "
                f"batch_norm_splits ({self.batch_norm_splits})"
            )
        if self.positives.from_queue != 0 and self.negatives == "batch":
            raise ValueError("positives.from_queue needs negatives 'queue' or 'both'")
        return self


class CrossEntropy(Strict):
    kind: Literal["cross_entropy"]

    @property
    def classifier(self) -> Literal["linear", "cosine"]:
        return "linear"


class Ldam(Strict):
    kind: Literal["ldam"]
    scale: Positive
    max_margin: Positive

    @property
    def classifier(self) -> Literal["linear", "cosine"]:
        return "cosine"


class NoReweighting(Strict):
    kind: Literal["none"]


class InverseFrequency(Strict):
    kind: Literal["inverse_frequency"]


class EffectiveNumber(Strict):
    kind: Literal["effective_number"]
    beta: Annotated[float, Field(ge=0, lt=1)]
    start: Fraction = Field(description="share of the epochs before the weights apply (DRW)")


class Classify(Training):
    """Training of a classifier: on frozen features (finetune) or end to end (train)."""

    loss: Annotated[CrossEntropy | Ldam, Field(discriminator="kind")]
    reweight: Annotated[
        NoReweighting | InverseFrequency | EffectiveNumber, Field(discriminator="kind")
    ]
    evaluate_every: Count = Field(description="epochs between two test-set accuracies in history")

    drop_last: ClassVar[bool] = False

    @property
    def objective(self) -> str:
        """Module of `cogloat.objectives` that turns a batch into the loss."""
        return "classification"


# --- files in config/ ---


class Method(Strict):
    """config/methods/<name>.yaml: two stages (pretrain, finetune) or one (train).

    A file that begins with `extends: <method>` holds only what differs from that method, or from a
    file in config/methods/base, which is not a method by itself.
    """

    label: str
    pretrain: Pretrain | None = None
    finetune: Classify | None = None
    train: Classify | None = None

    @model_validator(mode="after")
    def _one_or_two_stages(self) -> Self:
        if self.stages not in (("pretrain", "finetune"), ("train",)):
            raise ValueError("a method has the sections 'pretrain' and 'finetune', or 'train'")
        return self

    @property
    def stages(self) -> tuple[StageName, ...]:
        """Names of the stages, in order; the last one leaves the classifier."""
        names: tuple[StageName, ...] = ("pretrain", "finetune", "train")
        return tuple(name for name in names if getattr(self, name) is not None)


class Coreset(Strict):
    """config/coresets/<name>.yaml: how the images behind the prototypes are chosen."""

    kind: Literal["glister", "random", "full"]
    fraction: Annotated[float, Field(gt=0, le=1)]
    floor: Count = Field(description="images of a class that are always kept, if it has as many")
    seed: int
    eta: Positive | None = Field(default=None, description="GLISTER's step size")
    proxy: Classify | None = Field(default=None, description="GLISTER's model")

    @model_validator(mode="after")
    def _glister_is_complete(self) -> Self:
        if (self.kind == "glister") != (self.eta is not None and self.proxy is not None):
            raise ValueError("kind 'glister' needs 'eta' and 'proxy'; other kinds have neither")
        return self

    @property
    def objective(self) -> str | None:
        """Module of `cogloat.objectives` that trains the proxy, if there is one."""
        return None if self.proxy is None else self.proxy.objective


class ShotGroups(Strict):
    many_above: Count = Field(description="'many': classes with more training images than this")
    few_below: Count = Field(description="'few': classes with fewer training images than this")


class Resources(Strict):
    """What one job of this dataset asks for."""

    threads: Count
    mem_mb: Count


class Dataset(Strict):
    """config/datasets/<name>.yaml."""

    label: str
    source: Source
    classes: Annotated[int, Field(ge=2)]
    image_size: Count
    mean: Channels
    std: Channels
    depth: Count = Field(description="layers of the CIFAR ResNet, 6n+2")
    split_seed: int
    shot_groups: ShotGroups
    augmentations: dict[str, tuple[Operation, ...]]
    resources: Resources
    overrides: dict[Literal["pretrain", "finetune", "train", "proxy"], dict] = Field(
        default_factory=dict, description="keys that replace a method's or a coreset's on this data"
    )


class Grid(Strict):
    """The runs of one table: every combination."""

    datasets: tuple[str, ...]
    factors: tuple[Annotated[int, Field(ge=1)], ...]
    methods: tuple[str, ...]
    seeds: tuple[Annotated[int, Field(ge=0)], ...]


class Collection(Strict):
    table2: Grid


class Workflow(Strict):
    """config/config.yaml."""

    collection: str = Field(description="what `snakemake` without a target makes")
    collections: dict[str, Collection]


# --- effective configurations: what a script reads ---


class Data(Strict):
    classes: int
    image_size: int
    mean: Channels
    std: Channels
    augmentation: tuple[Operation, ...]


class RunConfig(Strict):
    """One stage of one run, complete: results/runs/.../<stage>/config.json."""

    dataset: str
    factor: int
    method: str
    seed: int
    stage: StageName
    data: Data
    depth: int
    pretrain: Pretrain | None = None
    classify: Classify | None = None

    @property
    def name(self) -> str:
        return f"{self.dataset}/if{self.factor}/{self.method}/seed{self.seed}/{self.stage}"


class CoresetConfig(Strict):
    """One coreset of one long-tailed set, complete: results/coresets/.../config.json."""

    dataset: str
    factor: int
    coreset: str
    data: Data | None
    depth: int
    settings: Coreset
