"""The type of config/claims.yaml: what the paper says, as expressions over its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cogloat.config.reading import load
from cogloat.config.types import Count, Distinct, Name, Prose, Strict
from cogloat.errors import nearest
from cogloat.imbalance import Factor, title

Expression = Annotated[Prose, Field(min_length=1)]


class Column(Strict):
    """The column of a table that a number stands in."""

    dataset: str
    factor: Factor

    def __str__(self) -> str:
        return f"{self.dataset} {title(self.factor)}"


class Reading(Strict):
    """What would explain the numbers where an entry fails."""

    reading: Prose
    margin: Expression = Field(description="not negative where the reading explains them")


class Entry(Strict):
    """A claim or a condition: what decides it, or why no table does."""

    where: Prose = Field(description="section, caption or footnote of the paper")
    claim: Prose = Field(description="in our words, one sentence")
    margin: Expression | None = Field(
        default=None,
        description="positive where a claim holds, not negative where a condition does",
    )
    cells: Literal["all"] | Distinct[Column] | None = Field(
        default=None, description="all: wherever every table that the margin names has numbers"
    )
    each: Distinct[Name] = Field(
        default=(), description="the margin is taken for each, under the name 'each'"
    )
    quoted: bool = Field(
        default=False, description="the paper quotes digits of a table: no test, the sign decides"
    )
    instead: Reading | None = None
    caveats: Distinct[Name] = Field(
        default=(), description="names of the file's caveats that the margin is subject to"
    )
    reason: Prose | None = Field(default=None, description="why no table decides it")

    @model_validator(mode="after")
    def _is_decided_or_says_why_not(self) -> Self:
        if self.reason is None and None in (self.margin, self.cells):
            raise ValueError("an entry has 'margin' and 'cells', or 'reason'. Add what is missing.")
        keys = {"where", "claim", "reason"}
        if self.reason is not None and not self.model_fields_set <= keys:
            raise ValueError(
                "an entry with 'reason' has neither 'margin' nor what belongs to it. "
                "Remove the one or the other."
            )
        return self


class Claims(Strict):
    """config/claims.yaml."""

    level: Annotated[float, Field(gt=0, lt=1)] = Field(description="of the tests, two-sided")
    printed_seeds: Annotated[int, Field(ge=2)] = Field(
        description="runs behind a printed mean that has a deviation"
    )
    repeated_cells: Count = Field(description="equal cells that make two rows a repetition")
    constants: dict[Name, float | dict[Name, float]] = Field(
        description="names of expressions: a number, or one for each dataset"
    )
    unprinted: dict[Name, dict[Name, Distinct[Name]]] = Field(
        default={},
        description="rows of our tables that the paper has not: table -> key column -> values",
    )
    caveats: dict[Name, Prose] = Field(
        default={}, description="what a margin does not tell apart: name -> one sentence"
    )
    claims: dict[Name, Entry]
    consistency: dict[Name, Entry]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        for name in self.claims.keys() & self.consistency.keys():
            raise ValueError(f"'{name}' is in 'claims' and in 'consistency'. Rename one.")
        return self

    @model_validator(mode="after")
    def _caveats_are_there(self) -> Self:
        for name, entry in (self.claims | self.consistency).items():
            for unknown in set(entry.caveats) - self.caveats.keys():
                raise ValueError(
                    f"'{name}' has the caveat '{unknown}', which 'caveats' lacks. "
                    f"{nearest(unknown, self.caveats)}"
                )
        return self


def load_claims(path: Path) -> Claims:
    """Read config/claims.yaml.

    Raises:
        UserError: with the file, the key, the value and the fix.
    """
    return load(Claims, path)
