"""The configuration's types. Unknown keys, wrong types and values out of range are errors."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[Positive, Positive]
Channels = tuple[float, float, float]
StageName = Literal["pretrain", "finetune", "train"]
ObjectiveName = Literal[
    "contrastive",
    "prototypical",
    "targeted",
    "classification",
    "translation",
    "parametric",
    "balanced",
]
OverrideName = Literal[StageName, "proxy", ObjectiveName]


class Strict(BaseModel):
    """A frozen section in which a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# --- augmentation: one entry an operation, applied in order, each image with its own draw ---

GreyLevel = Annotated[int, Field(ge=0, le=255)]


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


class AutoAugment(Strict):
    op: Literal["autoaugment"]
    policy: Literal["cifar10"] = Field(description="data that the sub-policies were learned on")
    fill: GreyLevel = Field(description="of pixels that a shear, shift or rotation leaves empty")


class RandAugment(Strict):
    op: Literal["randaugment"]
    operations: Count = Field(description="drawn for each image, with replacement")
    magnitude: Annotated[int, Field(ge=0, le=30)] = Field(description="of every operation")
    fill: GreyLevel = Field(description="of pixels that a shear, shift or rotation leaves empty")


class Cutout(Strict):
    op: Literal["cutout"]
    size: Count = Field(description="side of the black square, in pixels")


Operation = Annotated[
    RandomResizedCrop
    | PaddedCrop
    | Flip
    | ColorJitter
    | Grayscale
    | Blur
    | Affine
    | AutoAugment
    | RandAugment
    | Cutout,
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
    cycles: Count = Field(
        default=1,
        description="equal parts of the epochs, each a whole cosine and a fresh optimizer",
    )


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
    """What every stage that trains has; `objective` names its module in `cogloat.objectives`."""

    objective: ObjectiveName
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    optimizer: Optimizer
    schedule: Schedule
    drop_last: bool = Field(description="leave out a last batch that is not whole")
    augmentation: str = Field(description="name of one of the dataset's augmentations")

    @property
    def augmentations(self) -> tuple[str, ...]:
        """Names of the dataset's augmentations that the stage draws from."""
        return (self.augmentation,)


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


class Targets(Strict):
    """TSC's term."""

    weight: NonNegative = Field(description="of the target beside one positive")
    start: Fraction = Field(description="share of the epochs before the targets take part")
    centroid_momentum: Fraction = Field(description="share of a class's centroid a batch keeps")
    divisor: Literal["positives_and_target", "positives"] = Field(
        description="of both terms by positives + 1 (code), or of the positives' alone (paper)"
    )


class MomentumContrast(Training):
    """What every contrastive pre-training of a momentum pair has."""

    projection: tuple[Count, Count] = Field(description="widths of the head: hidden, output")
    key_momentum: Fraction
    queue: Count = Field(description="number of keys kept; a multiple of the batch size")
    queue_prefill: bool = Field(
        description="fill the queue by passes over the data before the first step"
    )
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

    @model_validator(mode="after")
    def _queue_holds_whole_batches(self) -> Self:
        _check_queue(self)
        if self.batch_size % self.batch_norm_splits:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of "
                f"batch_norm_splits ({self.batch_norm_splits})"
            )
        if self.positives.from_queue != 0 and self.negatives == "batch":
            raise ValueError("positives.from_queue needs negatives 'queue' or 'both'")
        return self


class Contrastive(MomentumContrast):
    """Contrastive pre-training without a further term."""

    objective: Literal["contrastive"]


class Prototypical(MomentumContrast):
    """Contrastive pre-training with the ProCo term."""

    objective: Literal["prototypical"]
    prototypes: Prototypes


class Targeted(MomentumContrast):
    """Contrastive pre-training towards fixed targets (TSC)."""

    objective: Literal["targeted"]
    targets: Targets

    @model_validator(mode="after")
    def _is_kcl_with_targets(self) -> Self:
        if self.negatives != "queue" or self.denominator != "shared":
            raise ValueError("targets need negatives 'queue' and denominator 'shared'")
        if self.positives.from_dataset:
            raise ValueError("targets need positives.from_dataset 0")
        return self


class CrossEntropy(Strict):
    kind: Literal["cross_entropy"]


class LogitAdjusted(Strict):
    """Cross-entropy of scores to which the log of the class's share is added in training."""

    kind: Literal["logit_adjusted"]
    tau: NonNegative = Field(description="factor of the log prior; 1 is Balanced Softmax")


class Focal(Strict):
    kind: Literal["focal"]
    gamma: NonNegative = Field(description="0, or at least 1: between, the gradient has no limit")

    @field_validator("gamma")
    @classmethod
    def _has_a_gradient(cls, gamma: float) -> float:
        if 0 < gamma < 1:
            raise ValueError("must be 0 or at least 1")
        return gamma


class Ldam(Strict):
    kind: Literal["ldam"]
    scale: Positive
    max_margin: Positive


class NoReweighting(Strict):
    kind: Literal["none"]


class InverseFrequency(Strict):
    kind: Literal["inverse_frequency"]


class EffectiveNumber(Strict):
    kind: Literal["effective_number"]
    beta: Annotated[float, Field(ge=0, lt=1)]
    start: Fraction = Field(description="share of the epochs before the weights apply (DRW)")


class Supervised(Training):
    """What every stage that leaves a classifier has."""

    evaluate_every: Count = Field(description="epochs between two test-set accuracies in history")


class Classifying(Supervised):
    """What every training of a classifier by a loss on its scores has."""

    loss: Annotated[CrossEntropy | LogitAdjusted | Focal | Ldam, Field(discriminator="kind")]
    reweight: Annotated[
        NoReweighting | InverseFrequency | EffectiveNumber, Field(discriminator="kind")
    ]


class Classification(Classifying):
    """Training of a classifier: on frozen features (finetune) or end to end (train)."""

    objective: Literal["classification"]


class Translation(Strict):
    """Major-to-minor translation (M2m)."""

    generator: str = Field(description="method whose run of the same data and seed is g")
    start: Fraction = Field(description="share of the epochs before images are translated")
    beta: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="a seed that has n more images is accepted with probability 1 - beta^n"
    )
    seed_weight: NonNegative = Field(description="lambda, of the seed class's score")
    confidence: Fraction = Field(description="gamma, probability of the target that g must give")
    steps: Count
    step_size: Positive = Field(description="length of one step, pixels in 0..1")
    noise: NonNegative = Field(description="largest norm of the noise that a seed starts with")
    noise_norm: Literal["batch", "image"] = Field(
        description="taken over a channel of the batch (code), or over each image"
    )


class Translating(Classifying):
    """Training of a classifier with images made from the major classes' (M2m)."""

    objective: Literal["translation"]
    translation: Translation


class LinearHead(Strict):
    kind: Literal["linear"]


class CosineHead(Strict):
    kind: Literal["cosine"]
    scale: Positive


class Parametric(Supervised):
    """Parametric contrastive learning (PaCo)."""

    objective: Literal["parametric"]
    key_augmentation: str = Field(description="the key's; `augmentation` is the query's")
    projection: tuple[Count, Count] = Field(description="widths of the head: hidden, output")
    key_momentum: Fraction
    queue: Count = Field(description="number of keys kept; a multiple of the batch size")
    queue_labels: Literal["random", "none"] = Field(
        description="classes of the entries that no key has replaced yet (code: random)"
    )
    alpha: Fraction = Field(description="weight of one pair beside the class's")
    temperature: Positive

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The query's and the key's."""
        return (self.augmentation, self.key_augmentation)

    @model_validator(mode="after")
    def _queue_holds_whole_batches(self) -> Self:
        _check_queue(self)
        return self


class Balanced(Supervised):
    """Balanced contrastive learning (BCL)."""

    objective: Literal["balanced"]
    contrastive_augmentation: str = Field(
        description="of two views; `augmentation` is the classifier's"
    )
    head: Annotated[LinearHead | CosineHead, Field(discriminator="kind")]
    projection: tuple[Count, Count] = Field(description="widths of both heads: hidden, output")
    class_weight: NonNegative = Field(description="lambda, of the logit-adjusted cross-entropy")
    contrast_weight: NonNegative = Field(description="mu")
    temperature: Positive

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The classifier's and the contrastive views'."""
        return (self.augmentation, self.contrastive_augmentation)


Pretrain = Contrastive | Prototypical | Targeted
Train = Classification | Translating | Parametric | Balanced
Settings = Pretrain | Train
OBJECTIVES: dict[ObjectiveName, type[Settings]] = {
    "contrastive": Contrastive,
    "prototypical": Prototypical,
    "targeted": Targeted,
    "classification": Classification,
    "translation": Translating,
    "parametric": Parametric,
    "balanced": Balanced,
}


def _check_queue(settings: MomentumContrast | Parametric) -> None:
    if settings.queue % settings.batch_size:
        raise ValueError(
            f"queue ({settings.queue}) must be a multiple of batch_size ({settings.batch_size})"
        )
    if not settings.drop_last:
        raise ValueError("drop_last must be true: the queue takes whole batches")


# --- files in config/ ---


class Method(Strict):
    """config/methods/<name>.yaml: two stages (pretrain, finetune) or one (train).

    A file that begins with `extends: <method>` holds only what differs from that method, or from a
    file in config/methods/base, which is not a method by itself.
    """

    label: str
    pretrain: Annotated[Pretrain, Field(discriminator="objective")] | None = None
    finetune: Classification | None = None
    train: Annotated[Train, Field(discriminator="objective")] | None = None

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
    proxy: Classification | None = Field(default=None, description="GLISTER's model")

    @model_validator(mode="after")
    def _glister_is_complete(self) -> Self:
        if (self.kind == "glister") != (self.eta is not None and self.proxy is not None):
            raise ValueError("kind 'glister' needs 'eta' and 'proxy'; other kinds have neither")
        return self


class TargetPoints(Strict):
    """config/targets.yaml: how TSC's targets are optimised where no closed form exists."""

    temperature: Positive
    lr: Positive
    steps: Count
    seed: int


class ShotGroups(Strict):
    many_above: Count = Field(description="'many': classes with more training images than this")
    few_below: Count = Field(description="'few': classes with fewer training images than this")


class Resources(Strict):
    """What one job of this dataset asks for."""

    threads: Count
    mem_mb: Count
    largest_class: Count = Field(description="training images of the long-tailed sets' first class")
    images_per_second: Count = Field(
        description="a cautious rate of forward passes in training, from which the time that a job "
        "asks for is estimated"
    )


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
    overrides: dict[OverrideName, dict] = Field(
        default_factory=dict,
        description="keys that replace a method's or a coreset's on this data, by the stage and, "
        "where the stage's objective has an entry of its own, by the objective",
    )


# --- effective configurations: what a script reads ---


class Data(Strict):
    classes: int
    image_size: int
    mean: Channels
    std: Channels
    augmentations: dict[str, tuple[Operation, ...]]


class RunConfig(Strict):
    """One stage of one run, complete: results/runs/.../<stage>/config.json."""

    dataset: str
    factor: int
    method: str
    seed: int
    stage: StageName
    data: Data
    depth: int
    settings: Annotated[Settings, Field(discriminator="objective")]

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
