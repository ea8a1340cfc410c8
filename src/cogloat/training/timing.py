"""What a training epoch costs, and what of it the networks cost alone."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from cogloat.errors import UserError
from cogloat.methods.inputs import Inputs
from cogloat.methods.moco.objective import Contrast
from cogloat.methods.rooms import build
from cogloat.randomness import generator, seeded_globally
from cogloat.runs.effective import RunConfig
from cogloat.training.loop import take_step
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd


class Seconds(NamedTuple):
    """Wall-clock time of one start of an epoch, of one step, and of one step's floor."""

    refresh: float
    step: float
    floor: float


class Floor:
    """The networks of an objective on random images: the least that a step can cost.

    It has the passes of a step as the objective makes them: queries forward and backward, keys
    forward without gradient. It has no augmentation, loss, queue, momentum update or optimizer. Its
    networks are copies, so that the objective does not change.
    """

    def __init__(self, objective: Contrast, config: RunConfig, machine: Machine) -> None:
        self._query, self._key = copy.deepcopy((objective.query, objective.key))
        self._machine = machine
        settings = objective.settings
        draw = generator(machine.device, config.seed, "floor")
        size = config.data.image_size

        def images(views: int) -> list[Tensor]:
            passes, of = (1, views) if settings.joint_views else (views, 1)
            shape = (of * settings.batch_size, 3, size, size)
            drawn = [torch.randn(shape, generator=draw, device=draw.device) for _ in range(passes)]
            return [part.contiguous(memory_format=torch.channels_last) for part in drawn]

        self._queries = images(objective.query_views)
        self._keys = images(1 + settings.positives.from_dataset)
        self._gradients = [
            torch.ones(len(part), settings.projection[1], device=machine.device)
            for part in self._queries
        ]

    def run(self, steps: int) -> None:
        """Make the passes of some steps."""
        for _ in range(steps):
            self._step()

    def _step(self) -> None:
        with self._machine.autocast():
            embedded = [self._query(part).float() for part in self._queries]
            with torch.no_grad():
                for part in self._keys:
                    self._key(part).float()
        self._query.zero_grad(set_to_none=True)
        torch.autograd.backward(embedded, self._gradients)


class TimedTraining:
    """An objective in training, a few steps of an epoch at a time, and its floor."""

    def __init__(self, config: RunConfig, inputs: Inputs, machine: Machine) -> None:
        """Build the objective as its training does.

        Args:
            config: of a pretrain stage of the rooms moco and proco.
            inputs: of its training.
            machine: device and precision.

        Raises:
            UserError: if an input is missing or damaged.
        """
        with seeded_globally(config.seed, "initialise", config.stage):
            objective = build(config.settings, inputs)
        assert isinstance(objective, Contrast)
        self.objective = objective
        self.objective.train()
        self._optimizer = Sgd(self.objective.parameters(), config.settings.optimizer)
        self._floor = Floor(self.objective, config, machine)
        self._machine, self._batch_size = machine, config.settings.batch_size
        self.steps_per_epoch = self.objective.size // self._batch_size

    def measure(self, epoch: int, steps: int) -> Seconds:
        """Time the start of an epoch, its first steps, and as many steps of the floor."""
        refresh = self._seconds(lambda: self.objective.start_epoch(epoch))
        batches = self._batches(epoch, steps)
        step = self._seconds(lambda: self._train(batches, epoch)) / steps
        floor = self._seconds(lambda: self._floor.run(steps)) / steps
        return Seconds(refresh, step, floor)

    def _batches(self, epoch: int, steps: int) -> tuple[Tensor, ...]:
        order = self.objective.order(epoch).to(self._machine.device)
        return order.split(self._batch_size)[:steps]

    def _train(self, batches: tuple[Tensor, ...], epoch: int) -> None:
        for step, positions_B in enumerate(batches):
            take_step(self.objective, self._optimizer, self._machine, positions_B, epoch, step)

    def _seconds(self, action: Callable[[], object]) -> float:
        """Return how long an action takes, with all that it has a GPU do."""
        self._wait()
        started = time.perf_counter()
        action()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self._machine.device.type == "cuda":
            torch.cuda.synchronize(self._machine.device)


def time_in_turn(
    trainings: Mapping[str, TimedTraining], rounds: int, steps: int
) -> Iterator[tuple[int, str, Seconds]]:
    """Time trainings in rounds, each of them once a round, after a round that is not timed.

    Who begins moves on by one from round to round, so that none is always measured in the same
    state of the machine.

    Args:
        trainings: name -> training.
        rounds: how many.
        steps: of each training in each round.

    Yields:
        The round, the name and its times; the first round is in the order of `trainings`.

    Raises:
        UserError: if a training has fewer steps an epoch.
    """
    for name, training in trainings.items():
        if training.steps_per_epoch < steps:
            raise UserError(
                f"{name}: steps: {steps} are to be timed, but an epoch has "
                f"{training.steps_per_epoch} whole batches. Lower --steps or batch_size."
            )
    with tqdm(total=(1 + rounds) * len(trainings), desc="timing", disable=None) as bar:
        for epoch in range(1 + rounds):
            for name in turn(list(trainings), max(epoch - 1, 0)):
                seconds = trainings[name].measure(epoch, steps)
                if epoch > 0:
                    yield epoch - 1, name, seconds
                bar.update()


def turn(names: list[str], number: int) -> list[str]:
    """Return names in the order of a round: each round another one begins."""
    start = number % len(names)
    return names[start:] + names[:start]
