"""What a training epoch costs, and what of it the networks cost alone."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from cogloat.errors import UserError
from cogloat.methods.inputs import Inputs
from cogloat.methods.objective import Objective
from cogloat.methods.rooms import build
from cogloat.models.networks import Classifier, Encoder
from cogloat.models.resnet import CifarResNet
from cogloat.randomness import generator, seeded_globally, sent
from cogloat.runs.effective import RunConfig
from cogloat.training.graphs import passes_of, steps_of
from cogloat.training.machine import Machine
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step

Named = TypeVar("Named")
NETWORKS = (Encoder, Classifier, CifarResNet)  # what takes images


class Seconds(NamedTuple):
    """Wall-clock time of one start of an epoch, of one step, and of one step's floor."""

    refresh: float
    step: float
    floor: float


class Call(NamedTuple):
    """One call of a network in a step, and what has a gradient in it."""

    network: nn.Module
    training: bool
    images: torch.Size
    outputs: torch.Size
    images_learn: bool
    outputs_learn: bool


class Pass(NamedTuple):
    """The same call in the floor.

    Attributes:
        network: a copy.
        training: the mode that it is in.
        images: random, of the shape that the step had; some steps ask for their gradient.
        gradient: of its outputs; None where the step asks for none.
    """

    network: nn.Module
    training: bool
    images: Tensor
    gradient: Tensor | None


class Floor:
    """The networks of an objective on random images: the least that a step can cost.

    It has the passes of a step as the objective makes them, forward, and backward where the step
    does so, recorded where steps are. It has no augmentation, loss, queue, momentum update or
    optimizer.

    Attributes:
        networks: copies, so that the objective does not change.
    """

    def __init__(
        self, objective: Objective, config: RunConfig, machine: Machine, epoch: int = 0
    ) -> None:
        """Take the first step of an epoch, note its passes, and put the objective's state back."""
        assert isinstance(objective, nn.Module)
        self._machine = machine
        positions_B = objective.order(epoch)[: config.settings.batch_size]
        state = copy.deepcopy(objective.state_dict())
        optimizer = Sgd(objective.parameters(), config.settings.optimizer)
        with _recorded(objective) as calls:
            take_step(objective, optimizer, machine, positions_B, epoch, 0)
        optimizer.zero_grad()
        objective.load_state_dict(state)
        copies = {call.network: copy.deepcopy(call.network) for call in calls}
        self.networks = list(copies.values())
        draw = generator(config.seed, "floor")
        self._passes = []
        for call in calls:
            images = sent(torch.randn(call.images, generator=draw), machine.device)
            images = images.contiguous(memory_format=torch.channels_last)
            images.requires_grad_(call.images_learn)
            ones = torch.ones(call.outputs, device=machine.device)
            gradient = ones if call.outputs_learn else None
            self._passes.append(Pass(copies[call.network], call.training, images, gradient))
        self._take = passes_of(machine, self._step)

    def run(self, steps: int) -> None:
        """Make the passes of some steps."""
        for _ in range(steps):
            self._take()

    def _step(self) -> None:
        outputs, gradients = [], []
        with self._machine.autocast():
            for network, training, images, gradient in self._passes:
                if network.training != training:
                    network.train(training)
                with torch.set_grad_enabled(gradient is not None):
                    output = network(images.view_as(images)).float()  # no leaf, as in a step
                if gradient is not None and images.requires_grad:
                    torch.autograd.grad(output, images, gradient)
                elif gradient is not None:
                    outputs.append(output)
                    gradients.append(gradient)
        for network in self.networks:
            network.zero_grad(set_to_none=True)
        torch.autograd.backward(outputs, gradients)


@contextlib.contextmanager
def _recorded(objective: nn.Module) -> Iterator[list[Call]]:
    """Note each call of a network on images inside the block."""
    calls: list[Call] = []
    within: list[nn.Module] = []  # a network's backbone is a part of it

    def enter(network: nn.Module, _: object) -> None:
        within.append(network)

    def leave(network: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        within.pop()
        if not within:
            images = given[0]
            learn = images.requires_grad, output.requires_grad
            calls.append(Call(network, network.training, images.shape, output.shape, *learn))

    networks = [part for part in objective.modules() if isinstance(part, NETWORKS)]
    hooks = [part.register_forward_pre_hook(enter) for part in networks]
    hooks += [part.register_forward_hook(leave) for part in networks]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


class TimedTraining:
    """An objective in training, a few steps of an epoch at a time, and its floor."""

    def __init__(
        self, config: RunConfig, inputs: Inputs, machine: Machine, floor_epoch: int = 0
    ) -> None:
        """Build the objective as its training does.

        Args:
            config: of the stage.
            inputs: of its training.
            machine: device and precision.
            floor_epoch: whose first step the floor is of, where an objective's steps change.

        Raises:
            UserError: if an input is missing or damaged.
        """
        with seeded_globally(config.seed, "initialise", config.stage):
            self.objective = build(config.settings, inputs)
        self.objective.train()
        self._optimizer = Sgd(self.objective.parameters(), config.settings.optimizer)
        self._floor = Floor(self.objective, config, machine, floor_epoch)
        self._machine, self._batch_size = machine, config.settings.batch_size
        self._take = steps_of(machine)
        self.steps_per_epoch = self.objective.size // self._batch_size

    def measure(self, epoch: int, steps: int) -> Seconds:
        """Time the start of an epoch, its first steps, and as many steps of the floor."""
        return Seconds(
            self.refresh_seconds(epoch),
            self.step_seconds(epoch, steps),
            self.floor_seconds(steps),
        )

    def refresh_seconds(self, epoch: int) -> float:
        """Time the start of an epoch."""
        return self._seconds(lambda: self.objective.start_epoch(epoch))

    def step_seconds(self, epoch: int, steps: int) -> float:
        """Time the first steps of an epoch; return what one takes."""
        batches = self._batches(epoch, steps)
        return self._seconds(lambda: self._train(batches, epoch)) / steps

    def floor_seconds(self, steps: int) -> float:
        """Time as many steps of the floor; return what one takes."""
        return self._seconds(lambda: self._floor.run(steps)) / steps

    def _batches(self, epoch: int, steps: int) -> tuple[Tensor, ...]:
        return self.objective.order(epoch).split(self._batch_size)[:steps]

    def _train(self, batches: tuple[Tensor, ...], epoch: int) -> None:
        for step, positions_B in enumerate(batches):
            self._take(self.objective, self._optimizer, self._machine, positions_B, epoch, step)

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


def turn(names: list[Named], number: int) -> list[Named]:
    """Return names in the order of a round: each round another one begins."""
    start = number % len(names)
    return names[start:] + names[:start]
