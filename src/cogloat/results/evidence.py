"""evidence.json: the accuracies of a collection's runs with their provenance. Imports no torch.

Runs are too large for git; this is what of them a reader can check without running anything.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Run
from cogloat.results.reading import Artefact, Name


class Kept(Artefact):
    """A run.

    Attributes:
        provenance: hashes of all it was made of, and every process that worked on it.
    """

    metrics: Metrics
    provenance: Run


class Evidence(Artefact):
    """The runs behind a collection's tables of accuracies.

    Attributes:
        made: the day, such as 2026-11-26.
        revision: of the project, as git describes it.
    """

    FIX: ClassVar[str] = "Write it anew by keep_evidence.py"

    made: str
    revision: Name
    runs: Annotated[tuple[Kept, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _made_on_a_day(self) -> Self:
        date.fromisoformat(self.made)
        return self
