"""evidence.json: the accuracies of a collection's runs with their provenance. Imports no torch.

Runs are too large for git; this is what of them a reader can check without running anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from cogloat.imbalance import Factor
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Run
from cogloat.results.reading import Artefact, Name


class Kept(Artefact):
    """A run.

    Attributes:
        made: the day, such as 2026-11-26.
        revision: of the project, as git describes it.
        provenance: hashes of all it was made of, and every process that worked on it.
    """

    made: str
    revision: Name
    metrics: Metrics
    provenance: Run

    @model_validator(mode="after")
    def _made_on_a_day(self) -> Self:
        date.fromisoformat(self.made)
        return self

    @property
    def name(self) -> tuple[str, Factor, str, int]:
        """Dataset, factor, method and seed."""
        own = self.metrics
        return own.dataset, own.factor, own.method, own.seed


class Evidence(Artefact):
    """The runs behind a collection's tables of accuracies."""

    FIX: ClassVar[str] = "Write it anew by keep_evidence.py"

    runs: Annotated[tuple[Kept, ...], Field(min_length=1)]

    def with_more(self, runs: Iterable[Kept]) -> Evidence:
        """Return these runs with others, in place of those of the same name if there are."""
        named = {run.name: run for run in self.runs} | {run.name: run for run in runs}
        return Evidence(runs=tuple(named.values()))
