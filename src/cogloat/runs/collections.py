"""The type of config/config.yaml: which tables and figures exist, of which runs. Imports no torch.

What trains or measures does not import it, so that a new table makes no result out of date.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cogloat.config.checks import alike, check_rising
from cogloat.config.types import Confidence, Count, Distinct, Name, Seed, Strict
from cogloat.errors import nearest
from cogloat.imbalance import Factor

Printed = Annotated[
    Name | None, Field(description="a file in config/paper: numbers to stand beside ours")
]
# folders of results/ that no collection may be called after, and files that no table may
TAKEN = {
    "runs",
    "splits",
    "coresets",
    "targets",
    "metrics",
    "curves",
    "figures",
    "times",
    "audit",
    "validation",
    "calibration",
    "bench",
}
WRITTEN = {"claims", "machines", "overview", "plan", "plan_jobs", "plan_check"}
# kinds of tables that a run's classifier is behind; behind others is its encoder
OF_CLASSIFIER = ("accuracy", "groups", "acceptance")
# kinds of tables that a figure of readings has columns of, beside accuracy
COLUMNS = ("features", "gradients", "leaks")
# what a table's second file is called after its name, by the kind of the table
BESIDE = {"features": "_conventions", "accuracy": "_classes", "gradients": "_classes"}


class Configurations(Strict):
    """Every combination, whose configurations are read or timed: those of seed 0."""

    datasets: Distinct[Name]
    factors: Distinct[Factor]
    methods: Distinct[Name]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Whose configurations they are."""
        return (0,)


class Grid(Strict):
    """Runs: every combination."""

    datasets: Distinct[Name]
    factors: Distinct[Factor]
    methods: Distinct[Name]
    seeds: Distinct[Seed]


class AccuracyTable(Grid):
    """Accuracies: means over seeds."""

    kind: Literal["accuracy"]
    images: Literal["test", "validation"] = Field(
        default="test",
        description="of whose images the accuracies are: the test set, or those that the dataset "
        "holds out by 'validation', by which readings and sweeps are compared",
    )
    printed: Printed = None

    @model_validator(mode="after")
    def _printed_are_of_the_test_set(self) -> Self:
        if self.printed is not None and self.images != "test":
            raise ValueError(
                f"printed numbers are of the test set, but images is '{self.images}'. Leave out "
                "'printed', or write images: test."
            )
        return self


class GroupsTable(Grid):
    """Accuracies by group of classes: those with many, medium and few training images."""

    kind: Literal["groups"]
    printed: Printed = None


class Difference(Strict):
    """What is known of two methods' accuracies in runs of one seed on one subset."""

    method: Name
    less: Name = Field(description="the method whose accuracy is taken away")
    window: Annotated[
        tuple[Annotated[float, Field(ge=-100, le=100)], Annotated[float, Field(ge=-100, le=100)]],
        AfterValidator(check_rising),
    ] = Field(description="from what to what it is expected, in points")


class AcceptanceTable(Grid):
    """Whether runs are as they are known to be: an installation's check of itself."""

    kind: Literal["acceptance"]
    differences: tuple[Difference, ...] = Field(
        default=(),
        description="of accuracies, on whatever subset; what is known of a method by itself is in "
        "its file, under 'expect'",
    )

    @model_validator(mode="after")
    def _differences_are_of_its_methods(self) -> Self:
        for known in self.differences:
            for name in (known.method, known.less):
                if name not in self.methods:
                    raise ValueError(
                        f"differences: '{name}' is none of the table's methods. "
                        f"{nearest(name, self.methods)}"
                    )
        return self

    @property
    def printed(self) -> None:
        """What is known is of many sources, and not of one paper."""
        return None


class FeatureConvention(Strict):
    """What printed measures are compared with; every other convention is in a file too."""

    images: Literal["train", "test"] = Field(description="the long-tailed set, or the test set")
    space: Literal["projection", "backbone"]
    pairs: Literal["ordered", "unordered"] = Field(
        description="of intra alignment, each pair counted twice or once over the same divisor"
    )


class FeaturesTable(Grid):
    """Measures of the feature spaces of pre-trained encoders."""

    kind: Literal["features"]
    convention: FeatureConvention
    printed: Printed = None


class GradientsTable(Grid):
    """What draws the embeddings of each class in contrastive pre-training; nothing is printed."""

    kind: Literal["gradients"]

    @property
    def printed(self) -> None:
        """The paper has no such numbers."""
        return None


class SeparabilityTable(Grid):
    """How well the rarest classes come apart in the feature space; nothing is printed."""

    kind: Literal["separability"]
    rarest: Annotated[int, Field(ge=2)] = Field(description="classes that are measured")

    @property
    def printed(self) -> None:
        """The paper has no such numbers."""
        return None


class LeaksTable(Grid):
    """How far batch statistics give the own key away; nothing is printed."""

    kind: Literal["leaks"]

    @property
    def printed(self) -> None:
        """The paper has no such numbers."""
        return None


class TimesTable(Configurations):
    """Seconds of training: timed, not trained; the ratios are to the first method."""

    kind: Literal["times"]
    part: Literal["epoch", "refresh"] = Field(
        default="epoch", description="an epoch, or what is done once at its start"
    )
    rounds: Count = Field(description="in which the methods alternate")
    steps: Count = Field(description="of each method in each round")
    printed: Printed = None


class EmbeddingFigure(Grid):
    """The rarest classes in the plane, a panel a method; one dataset, factor and seed."""

    kind: Literal["embedding"]
    rarest: Annotated[int, Field(ge=2)] = Field(description="classes that are shown")
    tsne_seed: Seed

    @model_validator(mode="after")
    def _of_one_set(self) -> Self:
        for key in ("datasets", "factors", "seeds"):
            if len(getattr(self, key)) != 1:
                raise ValueError(
                    f"an embedding shows one set, but '{key}' has {len(getattr(self, key))}: give "
                    f"one of '{key}'."
                )
        return self


class TemperaturesFigure(Configurations):
    """The temperature of every class, a line a dataset and factor."""

    kind: Literal["temperatures"]
    methods: tuple[Name] = Field(description="one, with an adaptive temperature")


class CurvesFigure(Strict):
    """How the methods of a table learn, a figure a dataset and factor."""

    kind: Literal["curves"]
    of: Name = Field(description="name of an accuracy table of the collection")


class FrequencyFigure(Strict):
    """Accuracy by class size of a table's methods, a figure a dataset and factor."""

    kind: Literal["frequency"]
    of: Name = Field(description="name of an accuracy table of the collection")
    reference: Name = Field(description="method that every panel shows too")


class MagnitudesFigure(Strict):
    """Gradients of every class, a figure a dataset and factor."""

    kind: Literal["magnitudes"]
    of: Name = Field(description="name of a gradients table of the collection")


class ConfusionFigure(Strict):
    """Which classes a table's methods take for which, a figure a dataset and factor."""

    kind: Literal["confusion"]
    of: Name = Field(description="name of an accuracy table of the collection")


class MeansFigure(Strict):
    """A table's means with their intervals, a line a method."""

    kind: Literal["means"]
    of: Name = Field(description="name of a table of the collection, but of gradients and leaks")


class PrintedRatio(Strict):
    """What the paper prints of two methods, whose ratio stands beside ours."""

    table: Name = Field(description="a file in config/paper, with a column 'metric'")
    dataset: Name = Field(description="of the file: ours may be a shorter version of it")
    method: Name
    reference: Name


class ReadingsFigure(Strict):
    """What each method changes, in accuracy, spaces and more; a figure a dataset and factor."""

    kind: Literal["readings"]
    of: Distinct[Name] = Field(
        description="names of tables of the collection, in each of which the methods are compared "
        "with the first one: of kind accuracy, which are groups of rows, and at most one of each "
        f"other: {', '.join(COLUMNS)}"
    )
    printed: PrintedRatio | None = None


OfTable = CurvesFigure | FrequencyFigure | ConfusionFigure | MagnitudesFigure | MeansFigure
# kind of a figure -> those of its table, if not accuracy
SHOWS = {
    "magnitudes": ("gradients",),
    "means": ("accuracy", "groups", "features", "separability", "times"),
}
Table = Annotated[
    AccuracyTable
    | GroupsTable
    | AcceptanceTable
    | FeaturesTable
    | GradientsTable
    | SeparabilityTable
    | LeaksTable
    | TimesTable,
    Field(discriminator="kind"),
]
Figure = Annotated[
    EmbeddingFigure | TemperaturesFigure | OfTable | ReadingsFigure,
    Field(discriminator="kind"),
]
Part = Table | Figure
Runs = (
    AccuracyTable
    | AcceptanceTable
    | FeaturesTable
    | GroupsTable
    | GradientsTable
    | SeparabilityTable
    | LeaksTable
    | TimesTable
    | EmbeddingFigure
    | TemperaturesFigure
)


class Collection(Strict):
    """Tables and figures that are made together."""

    tables: dict[Name, Table]
    figures: dict[Name, Figure] = Field(default_factory=dict)
    claims: bool = Field(default=False, description="verdicts on the paper's claims, by the tables")

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if not self.parts():
            raise ValueError("the collection has no table and no figure. Add one.")
        if same := alike(self.parts()):
            raise ValueError(
                f"{same[0]} and {same[1]} are one file on some disks, which do not know capitals. "
                "Rename one."
            )
        for name in self.tables:
            if name.lower() in WRITTEN:
                raise ValueError(f"tables.{name}: this file is another one's. Rename the table.")
        for name, figure in self.figures.items():
            if isinstance(figure, OfTable):
                table, shown = self.tables.get(figure.of), SHOWS.get(figure.kind, ("accuracy",))
                if table is None or table.kind not in shown:
                    known = [own for own, of in self.tables.items() if of.kind in shown]
                    raise ValueError(
                        f"figures.{name}.of: '{figure.of}' is no {' or '.join(shown)} table of the "
                        f"collection. {nearest(figure.of, known)}"
                    )
                if (
                    isinstance(table, AccuracyTable)
                    and table.images != "test"
                    and not isinstance(figure, MeansFigure)
                ):
                    raise ValueError(
                        f"figures.{name}.of: '{figure.of}' is of {table.images} images, and the "
                        f"kind '{figure.kind}' shows the test set. Leave the figure out."
                    )
                if isinstance(figure, FrequencyFigure) and figure.reference not in table.methods:
                    raise ValueError(
                        f"figures.{name}.reference: '{figure.reference}' is not in {figure.of}. "
                        f"{nearest(figure.reference, table.methods)}"
                    )
            if isinstance(figure, ReadingsFigure):
                self._check_readings(f"figures.{name}.of", figure)
        return self

    def _check_readings(self, place: str, figure: ReadingsFigure) -> None:
        """Refuse tables that no figure of readings can be of, or not together."""
        kinds = ("accuracy", *COLUMNS)
        known = [own for own, table in self.tables.items() if table.kind in kinds]
        for own in figure.of:
            if own not in known:
                raise ValueError(
                    f"{place}: '{own}' is no table of the collection of kind {', '.join(kinds)}. "
                    f"{nearest(own, known)}"
                )
        tables = {own: self.tables[own] for own in figure.of}
        listed: list[str] = [table.kind for table in tables.values()]
        if "accuracy" not in listed:
            raise ValueError(f"{place}: none of them is of kind accuracy. Add one.")
        for kind in COLUMNS:
            if listed.count(kind) > 1:
                raise ValueError(f"{place}: two are of kind {kind}. Leave one out.")
        same = {"accuracy": ("datasets", "factors", "seeds", "images")}
        first = next(own for own, table in tables.items() if table.kind == "accuracy")
        for own, table in tables.items():
            for key in same.get(table.kind, ("datasets", "factors", "seeds")):
                if getattr(table, key) != getattr(tables[first], key):
                    raise ValueError(
                        f"{place}: '{own}' has other {key} than '{first}'. Give both the same."
                    )

    def parts(self) -> dict[str, Part]:
        """Return the tables and figures by name."""
        return {**self.tables, **self.figures}

    def runs_of(self, part: Part) -> Runs:
        """Return the runs behind a table or figure: its own, or those of the table it is of.

        Of several tables it is the first.
        """
        if isinstance(part, ReadingsFigure):
            return self.tables[part.of[0]]
        return self.tables[part.of] if isinstance(part, OfTable) else part


class Runtime(Strict):
    """How long a job asks a cluster for, beside what its training is estimated to take."""

    start: Count = Field(description="minutes of every job: queueing aside, all but the training")
    margin: Annotated[float, Field(ge=1, le=100)] = Field(
        description="times the estimate of the training"
    )


class Workflow(Strict):
    """config/config.yaml."""

    collection: Name = Field(description="what `snakemake` without a target makes")
    confidence: Confidence = Field(description="of the intervals that tables give")
    runtime: Runtime
    collections: dict[Name, Collection]

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        kinds: dict[str, str] = {}
        if same := alike(self.collections):
            raise ValueError(
                f"collections: {same[0]} and {same[1]} are one folder on some disks, which do not "
                "know capitals. Rename one."
            )
        for name, collection in self.collections.items():
            if name.lower() in TAKEN:
                raise ValueError(f"collections.{name}: results/{name} is taken. Rename it.")
            for own, part in (*collection.tables.items(), *collection.figures.items()):
                if kinds.setdefault(own, part.kind) != part.kind:
                    raise ValueError(
                        f"collections.{name}: '{own}' is of kind {part.kind} here and of kind "
                        f"{kinds[own]} elsewhere. Rename one."
                    )
        beside = {own + BESIDE[kind] for own, kind in kinds.items() if kind in BESIDE}
        for name, collection in self.collections.items():
            for own in beside.intersection(collection.tables):
                place = f"collections.{name}.tables.{own}"
                raise ValueError(f"{place}: this file is another one's. Rename the table.")
        return self

    def names(self, kind: str) -> list[str]:
        """Return the names of the tables and figures of a kind, in whatever collection."""
        found = {
            name
            for collection in self.collections.values()
            for name, part in collection.parts().items()
            if part.kind == kind
        }
        return sorted(found)
