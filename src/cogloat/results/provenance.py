"""provenance.json: where a result came from, of a stage and of a whole run. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveInt

from cogloat.config.types import StageName
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.results.reading import Artefact


class Process(Artefact):
    """One process that worked on a result.

    Attributes:
        device: the GPU, or the processor.
        cpu_capability: the instruction set that torch computes with on the processor.
        arithmetic: native, or portable: the same bits on other processors.
        ranks: how many processes shared the work; this is the first.
        image: SHA-256 of the container image, if it ran in one.
        versions: of Python and the libraries.
        seconds: wall-clock time.
    """

    device: str
    cpu_capability: str
    threads: PositiveInt
    precision: str
    arithmetic: str = "native"
    ranks: PositiveInt = 1
    image: str | None
    versions: dict[str, str]
    seconds: NonNegativeFloat


class Stage(Artefact):
    """Of one stage of a run.

    Attributes:
        augmentations: names of the recipes that its views were made by.
        identity: what the result depends on, name -> hash or value.
        certified: fingerprint of the code that ran, where its identity has an earlier one that was
            shown to give the same bits.
        outputs: file name -> SHA-256.
        processes: in their order; several where the stage was interrupted.
        seconds: of all of them.
    """

    FIX: ClassVar[str] = "It is not the provenance of a stage; run the stage again"

    stage: StageName
    epochs: PositiveInt
    augmentations: tuple[str, ...]
    identity: dict[str, str]
    certified: str | None = None
    outputs: dict[str, str]
    processes: tuple[Process, ...]
    seconds: NonNegativeFloat


class Evaluation(Artefact):
    """Of the evaluation of a run."""

    identity: dict[str, str]
    processes: tuple[Process, ...]


class Run(Artefact):
    """Of a run: its stages, in their order, and its evaluation."""

    FIX: ClassVar[str] = "It is not the provenance of a run; evaluate the run again"

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    evaluation: Evaluation


def identity(config: Path, code: str, inputs: Mapping[str, Path]) -> dict[str, str]:
    """Return what a result depends on, each as a hash.

    Args:
        config: the effective configuration.
        code: fingerprint of the script and the modules it imports.
        inputs: name -> file, such as the split.
    """
    hashes = {name: sha256(path) for name, path in inputs.items()}
    return {"configuration": sha256(config), "code": code, **hashes}


def check_beside(file: Path, **made_of: Path) -> None:
    """Check what a stage has left against the provenance beside it; alone it is taken as it is.

    Args:
        file: a stage's weights.pt or history.csv.
        **made_of: by their names in its identity, files that the stage must have been made of.

    Raises:
        UserError: if the provenance names another file, or it was made of others.
    """
    origin = file.with_name("provenance.json")
    if not (file.is_file() and origin.is_file()):
        return
    stage = Stage.read(origin)
    if stage.outputs.get(file.name, "") != sha256(file):
        raise UserError(
            f"{file}: not what {origin} says that the stage left. "
            "Give that file, or train the stage again."
        )
    for name, path in made_of.items():
        if stage.identity.get(name) != sha256(path):
            raise UserError(
                f"{path}: not the {name} that {file} was made with, says {origin}. "
                f"Give that {name}, or train the stage again."
            )


def total_seconds(processes: Sequence[Process]) -> float:
    """Return how long some processes took together."""
    return round(sum(process.seconds for process in processes), 1)
