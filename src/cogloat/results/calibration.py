"""calibration/<dataset>.json: what work on a dataset costs on one machine. Imports no torch."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from cogloat.results.provenance import Process
from cogloat.results.reading import Artefact, Count, Name

QUIET = 0.8  # of its time that a process has on a machine that does nothing else


class Work(Artefact):
    """One kind of work, as it was measured on a stage that does it; times are seconds.

    Attributes:
        measured_on: the method and its stage, such as kcl/pretrain.
        passes: work on an image in an epoch, in forward passes.
        batch_size: images of a step.
        images: of the training set.
        ready: building, and what the first step takes beyond a later one.
        refresh: the start of an epoch.
        step: one step, of all those of a training on average.
        memory_mb: the most main memory that the process had.
        device_mb: the most memory on the GPU; 0 on a processor.
    """

    measured_on: Name
    passes: PositiveFloat
    batch_size: Count
    images: Count
    ready: NonNegativeFloat
    refresh: NonNegativeFloat
    step: PositiveFloat
    memory_mb: Count
    device_mb: NonNegativeInt


class Calibration(Artefact):
    """What was measured of a dataset; times are seconds.

    Attributes:
        process: that measured: device, threads, precision, versions.
        undisturbed: share of the measuring in which a processor computed for it, and for nothing
            else; None where a GPU did.
        start: of a script that trains or evaluates, up to its work.
        light_start: of a script without torch.
        inference: of an image in a pass over the test set.
        works: kind of work (`cogloat.runs.work`) -> what it costs.
    """

    FIX: ClassVar[str] = "It is not a calibration; measure it again with src/calibrate.py"

    dataset: Name
    process: Process
    undisturbed: NonNegativeFloat | None
    start: NonNegativeFloat
    light_start: NonNegativeFloat
    inference: PositiveFloat
    works: dict[Name, Work]

    @property
    def machine(self) -> str:
        """What it was measured on, in words; and that it is not to be trusted, if so."""
        own = self.process
        text = f"{own.device}, {own.precision}, CPU threads: {own.threads}"
        if self.undisturbed is None or self.undisturbed >= QUIET:
            return text
        return (
            f"{text}, which other work kept busy: it had {self.undisturbed:.0%} of its time, so "
            "that all is too high. Measure again when the machine is quiet"
        )
