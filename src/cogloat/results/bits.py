"""The bits of results as they were published, and what made them. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from cogloat.config.types import Digest
from cogloat.files import sha256
from cogloat.imbalance import folder, from_text
from cogloat.readers.cells import listed, whole, word
from cogloat.readers.tables import read_table
from cogloat.results.provenance import Process, Run
from cogloat.results.reading import Artefact

PROVENANCE = "provenance.json"
MOVERS = ("torch", "numpy", "ranks")  # what may move bits: versions, and how a batch is shared
SHORT = 12  # digits of a code's fingerprint that are shown

Facts = Mapping[str, tuple[str, ...]]  # name -> the values that were found


class Published(Artefact):
    """Hashes of results.

    Attributes:
        made_by: what the processes were that made them, such as numpy -> its versions.
        files: path -> SHA-256, in the order in which they are made.
    """

    FIX: ClassVar[str] = "Write it anew by verify_bits.py --write"

    made_by: dict[str, tuple[str, ...]]
    files: Annotated[dict[str, Digest], Field(min_length=1)]


def facts(processes: Iterable[Process]) -> dict[str, tuple[str, ...]]:
    """Return what processes were, each fact with all of its values."""
    found: dict[str, set[str]] = {}
    for process in processes:
        own = {
            "processor": process.device,
            "instructions": process.cpu_capability,
            "threads": str(process.threads),
            "precision": process.precision,
            "arithmetic": process.arithmetic,
            **({"ranks": str(process.ranks)} if process.ranks > 1 else {}),
            **process.versions,
        }
        for name, value in own.items():
            found.setdefault(name, set()).add(value)
    return {name: tuple(sorted(values)) for name, values in found.items()}


def facts_of_runs(origins: Iterable[Path]) -> dict[str, tuple[str, ...]]:
    """Return what made some runs: the processes of their stages, and their code.

    Args:
        origins: provenance.json of each.

    Raises:
        UserError: if one is damaged.
    """
    stages = [stage for origin in origins for stage in Run.read(origin).stages]
    code = sorted({stage.identity["code"][:SHORT] for stage in stages})
    found = facts(process for stage in stages for process in stage.processes)
    return found | {"code": tuple(code)}


def of_table(table: Path) -> list[Path]:
    """Return a table of accuracies and what its runs have left, in the order it is made in.

    The table as Markdown comes last.

    Args:
        table: results/<collection>/<name>.csv, as a path from the project's root.

    Raises:
        UserError: if it is no such table.
    """
    columns = {"method": word, "dataset": word, "factor": from_text, "seeds": listed(whole)}
    rows = read_table(table, columns, "Make the table again.", others=lambda _: str).rows
    sets = dict.fromkeys((row.cells["dataset"], folder(row.cells["factor"])) for row in rows)
    files = [
        Path("data", dataset, "store.json") for dataset in dict.fromkeys(own for own, _ in sets)
    ]
    files += [Path("results/splits", dataset, f"{factor}.csv") for dataset, factor in sets]
    for row in rows:
        own = row.cells
        for seed in own["seeds"]:
            files += _of_run(
                Path("results/runs", own["dataset"], folder(own["factor"]), own["method"])
                / f"seed{seed}"
            )
    return [*files, table, table.with_suffix(".md")]


def _of_run(run: Path) -> Iterator[Path]:
    """Yield what a run has left, by the stages of its provenance."""
    for stage in Run.read(run / PROVENANCE).stages:
        if (run / stage.stage).is_dir():  # else it is another method's encoder
            yield from (run / stage.stage / name for name in ("config.json", *stage.outputs))
    yield run / "metrics.json"


def differing(published: Published) -> list[str]:
    """Return the files that are not there or not those that were published, in their order."""
    return [
        name
        for name, digest in published.files.items()
        if not Path(name).is_file() or sha256(name) != digest
    ]


def same_kind(published: Facts, own: Facts) -> bool:
    """Say whether results must be equal to the bit: portable arithmetic by the same libraries."""
    portable = published.get("arithmetic") == own.get("arithmetic") == ("portable",)
    return portable and all(published.get(name) == own.get(name) for name in MOVERS)


def differences(published: Facts, own: Facts) -> list[str]:
    """Return the facts in which two makers differ, as lines of text."""
    return [
        f"{name}: {_text(own, name)} here, {_text(published, name)} as published"
        for name in dict.fromkeys([*published, *own])
        if published.get(name) != own.get(name)
    ]


def _text(known: Facts, name: str) -> str:
    return ", ".join(known.get(name, ("unknown",)))
