"""The type of config/config.yaml: which runs, tables and figures exist.

What trains or measures does not import it, so that a new table makes no result out of date.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cogloat.config.schema import Count, Strict


class Grid(Strict):
    """The runs of one table: every combination."""

    datasets: tuple[str, ...]
    factors: tuple[Annotated[int, Field(ge=1)], ...]
    methods: tuple[str, ...]
    seeds: tuple[Annotated[int, Field(ge=0)], ...]


class Collection(Strict):
    """Tables and figures that are made together; what is left out is not made.

    Table 4's runs are timed, not trained.
    """

    extras: bool = Field(
        default=False, description="further figures of table2's runs, and verdicts on the claims"
    )

    table1: Grid | None = None
    table2: Grid | None = None
    table4: Grid | None = None
    table5: Grid | None = None
    table6: Grid | None = None
    figure2: Grid | None = None

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if self.extras and self.table2 is None:
            raise ValueError("extras are of table2's runs: give table2, or leave extras out")
        shown = self.figure2
        if shown is not None and (len(shown.datasets), len(shown.factors)) != (1, 1):
            raise ValueError("figure2 shows one dataset at one factor")
        return self

    def grids(self) -> dict[str, Grid]:
        """Return the tables and figures that the collection has, by name."""
        names = [name for name in type(self).model_fields if name != "extras"]
        return {name: grid for name in names if (grid := getattr(self, name)) is not None}


class FeatureConvention(Strict):
    """What Table 1's printed values are compared with; every other convention is in a file too."""

    images: Literal["train", "test"] = Field(description="the long-tailed set, or the test set")
    space: Literal["projection", "backbone"]
    pairs: Literal["ordered", "unordered"] = Field(
        description="of intra alignment, each pair counted twice or once over the same divisor"
    )


class Timing(Strict):
    """How Table 4's epochs are timed: settings alternate, a few steps at a time."""

    rounds: Count
    steps: Count = Field(description="of each setting in each round")


class Runtime(Strict):
    """How long a job asks a cluster for, beside what its training is estimated to take."""

    start: Count = Field(description="minutes of every job: queueing aside, all but the training")
    margin: Annotated[float, Field(ge=1)] = Field(description="times the estimate of the training")


class Figures(Strict):
    """What the figures show."""

    rarest: Annotated[int, Field(ge=2)] = Field(description="classes of Figure 2")
    seed: int = Field(description="of Figure 2's embedding in the plane")
    reference: str = Field(description="method that every panel of class accuracies shows too")
    adaptive: str = Field(description="method whose temperatures are shown")


class Workflow(Strict):
    """config/config.yaml."""

    collection: str = Field(description="what `snakemake` without a target makes")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="of the intervals that tables give"
    )
    features: FeatureConvention
    timing: Timing
    figures: Figures
    runtime: Runtime
    collections: dict[str, Collection]
