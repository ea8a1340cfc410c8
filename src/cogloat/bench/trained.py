"""Seconds of training: a step, the floor of its networks, an epoch, a test pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import torch

from cogloat.bench.conventional import conventional_step
from cogloat.bench.found import Found
from cogloat.bench.scene import CPU, Scene
from cogloat.bench.turns import take_turns
from cogloat.errors import UserError
from cogloat.methods.settings import Supervised
from cogloat.runs.bench import Quantity
from cogloat.training.machine import Machine
from cogloat.training.timing import TimedTraining

NO_BFLOAT16 = "the processor does not compute in bfloat16"
PARTS = {"epoch": ("step", "refresh")}  # what a quantity is made of, if not of itself


class Subject:
    """A method's training, whose last epoch is timed: then all of its terms take part."""

    def __init__(self, scene: Scene, method: str, precision: str) -> None:
        """Build the training, which takes a step."""
        self.config = scene.stage(method, scene.bench.batch_size)
        self.last = self.config.settings.epochs - 1
        machine = Machine(CPU, scene.threads, precision)
        self.training = TimedTraining(self.config, scene.inputs(self.config), machine, self.last)

    def step(self) -> None:
        """Take the first step of the epoch."""
        self.training.step_seconds(self.last, 1)

    def floor(self) -> None:
        """Make its networks' passes."""
        self.training.floor_seconds(1)

    def refresh(self) -> None:
        """Begin the epoch."""
        self.training.refresh_seconds(self.last)

    def test(self) -> None:
        """End the epoch, with its test pass."""
        self.training.objective.end_epoch(self.last)
        self.training.objective.train()

    @property
    def evaluate_every(self) -> int:
        """Epochs between two test passes.

        Raises:
            UserError: if the method has none.
        """
        if not isinstance(self.config.settings, Supervised):
            raise UserError(f"{self.config.method}.test: its first stage has no test pass.")
        return self.config.settings.evaluate_every


def measure(asked: Sequence[Quantity], scene: Scene) -> dict[Quantity, Found]:
    """Time quantities of methods in turns."""
    no_bfloat16 = not computes_in_bfloat16()
    out = [own for own in asked if no_bfloat16 and own.what == "step_bfloat16"]
    timed = [own for own in asked if own not in out]

    @cache
    def subject(method: str, precision: str = "float32") -> Subject:
        return Subject(scene, method, precision)

    with contextlib.ExitStack() as processes:
        actions: dict[Quantity, Callable[[], object]] = {}
        for part in _parts(timed):
            match part.what:
                case "conventional":
                    process = conventional_step(scene, part.of)
                    actions[part] = processes.enter_context(process)
                case "step_bfloat16":
                    actions[part] = subject(part.of, "bfloat16").step
                case what:
                    actions[part] = getattr(subject(part.of), what)
        seconds = take_turns(actions, scene.bench.rounds.trained, "training")

    def rounds(own: Quantity) -> Iterator[float]:
        match own.what:
            case "epoch":
                count = subject(own.of).training.steps_per_epoch
                steps, refreshes = (seconds[Quantity(own.of, what)] for what in PARTS["epoch"])
                for step, refresh in zip(steps, refreshes, strict=True):
                    yield count * step + refresh
            case "test":
                yield from (one / subject(own.of).evaluate_every for one in seconds[own])
            case _:
                yield from seconds[own]

    found = {own: Found(tuple(rounds(own))) for own in timed}
    return found | {own: Found((), NO_BFLOAT16) for own in out}


def computes_in_bfloat16() -> bool:
    """Say whether the processor has instructions for it, without which it is no faster."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _parts(timed: Sequence[Quantity]) -> list[Quantity]:
    """Return what is timed, each once, a method's side by side."""
    parts = dict.fromkeys(
        Quantity(own.of, what) for own in timed for what in PARTS.get(own.what, (own.what,))
    )
    methods = list(dict.fromkeys(part.of for part in parts))
    return sorted(parts, key=lambda part: methods.index(part.of))
