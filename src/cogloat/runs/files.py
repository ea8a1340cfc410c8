"""The types of the files in config/ that say what is trained. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_args

from pydantic import Field, model_validator

from cogloat.config.types import (
    Count,
    Label,
    Name,
    Percent,
    Positive,
    Prose,
    Seed,
    StageName,
    Strict,
)
from cogloat.methods.classifier.settings import Settings as Classifier
from cogloat.methods.rooms import settings_types
from cogloat.methods.settings import Training

STAGES: tuple[StageName, ...] = get_args(StageName)


def _any_of(stage: StageName | None = None) -> Any:
    """Return the type of the settings of any room, or of those that a stage can have."""
    types = [room for room in settings_types().values() if stage is None or stage in room.stages]
    if len(types) == 1:
        return types[0]
    return Annotated[Union[tuple(types)], Field(discriminator="objective")]  # noqa: UP007


if TYPE_CHECKING:
    AnySettings = Training
    Pretrain = Training
    Finetune = Training
    Train = Training
else:
    AnySettings = _any_of()
    Pretrain, Finetune, Train = (_any_of(stage) for stage in STAGES)


class Expectation(Strict):
    """What is known of a method's accuracy on one long-tailed set: no part of any run."""

    mean: Percent = Field(description="accuracy on the test set")
    window: tuple[Percent, Percent] | None = Field(
        default=None, description="from what to what a single run is expected"
    )
    source: Prose = Field(description="whose number, in which framework, of which epoch")

    @model_validator(mode="after")
    def _mean_is_in_the_window(self) -> Self:
        if self.window is not None and not self.window[0] <= self.mean <= self.window[1]:
            low, high = self.window
            raise ValueError(
                f"window: from {low:g} to {high:g} does not hold the mean ({self.mean:g}). Write "
                f"[{min(low, high, self.mean):g}, {max(low, high, self.mean):g}], for instance."
            )
        return self


class Method(Strict):
    """config/methods/<name>.yaml: two stages (pretrain, finetune) or one (train).

    A file that begins with `extends: <method>` holds only what differs from that method, or from a
    file in config/methods/base, which is not a method by itself. What is expected is of the file's
    own method, and nothing extends it; with `encoder` there is no section 'pretrain' to extend.
    """

    label: Label
    encoder: Name | None = Field(
        default=None,
        description="the method whose pre-trained encoder the classifier is put on, in place of a "
        "section 'pretrain': several classifiers share one pre-training of the same data and seed",
    )
    pretrain: Pretrain | None = None
    finetune: Finetune | None = None
    train: Train | None = None
    expect: dict[Name, Expectation] = Field(
        default_factory=dict,
        description="what to expect: <dataset>_<imbalance>, such as cifar10_if100 -> the accuracy; "
        "no part of a run, so that an edit replans nothing",
    )

    @model_validator(mode="after")
    def _one_or_two_stages(self) -> Self:
        sections = [name for name in STAGES if getattr(self, name) is not None]
        if self.encoder is not None and sections != ["finetune"]:
            raise ValueError(
                f"with 'encoder' a method has the section 'finetune' alone, but it has "
                f"{_listed(sections)}. Leave 'encoder' or the other sections out."
            )
        if self.encoder is None and sections not in (["pretrain", "finetune"], ["train"]):
            raise ValueError(
                "a method has the sections 'pretrain' and 'finetune', or 'train' alone, but it has "
                f"{_listed(sections)}. Add or remove a section."
            )
        return self

    @property
    def stages(self) -> tuple[StageName, ...]:
        """Names of the stages, in order; the last one leaves the classifier."""
        return ("train",) if self.train is not None else ("pretrain", "finetune")


def _listed(sections: list[StageName]) -> str:
    return ", ".join(f"'{name}'" for name in sections) or "none of them"


class Coreset(Strict):
    """config/coresets/<name>.yaml: how the images behind the prototypes are chosen."""

    kind: Literal["glister", "random", "full"]
    fraction: Annotated[float, Field(gt=0, le=1)]
    floor: Count = Field(description="images of a class that are always kept, if it has as many")
    seed: Seed
    eta: Positive | None = Field(default=None, description="GLISTER's step size")
    proxy: Classifier | None = Field(default=None, description="GLISTER's model")

    @model_validator(mode="after")
    def _glister_is_complete(self) -> Self:
        if {self.eta is None, self.proxy is None} != {self.kind != "glister"}:
            raise ValueError(
                f"kind '{self.kind}': 'glister' needs 'eta' and 'proxy', the other kinds have "
                "neither. Add or remove them."
            )
        return self

    @model_validator(mode="after")
    def _full_is_whole(self) -> Self:
        if self.kind == "full" and self.fraction != 1:
            raise ValueError(
                f"kind 'full' keeps every image, but fraction is {self.fraction:g}. "
                "Write fraction: 1.0, or kind: random."
            )
        return self
