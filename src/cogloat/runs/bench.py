"""The type of config/bench.yaml: what the bench measures, and what is asked of it. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from cogloat.config.types import Count, Label, Name, NonNegative, Strict
from cogloat.errors import UserError, nearest
from cogloat.imbalance import Factor

# kind of a quantity -> what it is called after the dot, and what it is
KINDS = {
    "trained": {  # of a method, in seconds
        "step": "a training step",
        "floor": "the passes of its networks alone",
        "epoch": "its steps, and what is done at its start",
        "test": "a pass over the test set, over the epochs between two",
        "conventional": "a step as it is commonly written",
        "step_bfloat16": "a step in bfloat16, where the processor computes in it",
    },
    "counted": {  # of a method
        "operations": "that a step dispatches",
        "synchronisations": "at which a GPU would make the host wait in a step",
    },
    "held": {"memory": "of a process that trains a method, at its peak, in MiB"},
    "viewed": {  # of an augmentation, in seconds for a call's views
        "ours": "by the project",
        "torchvision": "by torchvision, image by image, on PIL's",
        "kornia": "by kornia, on tensors",
    },
    "started": {"start": "seconds of a process that imports torch, or trains one step"},
}
KIND_OF = {what: kind for kind, own in KINDS.items() for what in own}
State = Literal["met", "missed", "failed", "no goal", "left out"]
STATES: tuple[State, ...] = get_args(State)


class Quantity(NamedTuple):
    """What is measured of what, such as the step of kcl."""

    of: str
    what: str

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return KIND_OF[self.what]


def quantity(text: str) -> Quantity:
    """Return what a text such as kcl.step names.

    Raises:
        ValueError: if it names nothing.
    """
    of, _, what = text.partition(".")
    if not of or what not in KIND_OF:
        raise ValueError(
            f"'{text}' is nothing that is measured. Write a name and one of {', '.join(KIND_OF)}, "
            "such as kcl.step."
        )
    return Quantity(of, what)


def _check_quantity(text: str) -> str:
    quantity(text)
    return text


QuantityName = Annotated[str, AfterValidator(_check_quantity)]


class Row(Strict):
    """A number: a quantity, or its ratio to another one in the same round."""

    label: Label
    of: QuantityName = Field(description="such as kcl.step")
    over: QuantityName | None = Field(default=None, description="what it is divided by")
    at_most: NonNegative | None = Field(default=None, description="the goal")
    at_least: NonNegative | None = Field(default=None, description="the goal")
    bound: NonNegative | None = Field(
        default=None, description="beyond which the bench, or for counts a test, fails"
    )

    @model_validator(mode="after")
    def _bound_is_beyond_the_goal(self) -> Self:
        if self.at_most is not None and self.at_least is not None:
            raise ValueError("it has at_most and at_least. Leave one out.")
        if self.bound is None:
            return self
        if self.at_most is None and self.at_least is None:
            raise ValueError(f"bound ({self.bound:g}) has no goal. Write at_most or at_least.")
        if self.state(self.bound) == "met" and self.bound not in (self.at_most, self.at_least):
            goal = self.at_least if self.at_most is None else self.at_most
            raise ValueError(
                f"bound ({self.bound:g}) is better than the goal ({goal:g}). Write {goal:g}."
            )
        return self

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What must be measured."""
        return tuple(quantity(text) for text in (self.of, self.over) if text is not None)

    def state(self, value: float | None) -> State:
        """Say how a value stands to the goal and the bound; None is one that was left out."""
        if value is None:
            return "left out"
        if self.at_most is not None:
            goal, beyond = self.at_most, lambda limit: value > limit
        elif self.at_least is not None:
            goal, beyond = self.at_least, lambda limit: value < limit
        else:
            return "no goal"
        if not beyond(goal):
            return "met"
        return "failed" if self.bound is not None and beyond(self.bound) else "missed"


class Group(Strict):
    """Rows that are one panel of the figure, and that can be measured alone."""

    title: Label
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        labels = [row.label for row in self.rows]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"rows: the label '{label}' is there twice. Change one.")
        return self


class Data(Strict):
    """What is trained on: made-up images in the form of a dataset, or the first of a store's."""

    dataset: Name
    factor: Factor
    largest_class: Count = Field(description="training images of the largest class")
    test_images: Count
    small_side: Count = Field(
        description="of images where their size does not count: of operations, and of a start"
    )


class Rounds(Strict):
    """How often the quantities of a kind take turns."""

    trained: Count
    viewed: Count
    started: Count


class Bench(Strict):
    """config/bench.yaml."""

    data: Data
    rounds: Rounds
    batch_size: Count = Field(description="of timed steps, where a method's is larger")
    memory_batch_size: Count = Field(description="of the processes whose memory is measured")
    views: Count = Field(description="images that an augmentation is given at a time")
    groups: dict[Name, Group]

    def chosen(self, names: Iterable[str]) -> dict[str, Group]:
        """Return some groups by name, in the bench's order.

        Raises:
            UserError: if there is no such group.
        """
        wanted = list(names)
        for name in wanted:
            if name not in self.groups:
                raise UserError(f"'{name}' is no group of the bench. {nearest(name, self.groups)}")
        return {name: group for name, group in self.groups.items() if name in wanted}
