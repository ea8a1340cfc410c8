"""The training loop that every stage shares, read from top to bottom."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable

from torch import Tensor
from tqdm import tqdm

from cogloat.errors import UserError, needing_memory
from cogloat.methods.objective import Objective
from cogloat.methods.settings import Training
from cogloat.results.epoch_line import EpochLine
from cogloat.results.history import Row
from cogloat.training.divergence import NotFiniteError, Watch, check_finite
from cogloat.training.graphs import steps_of
from cogloat.training.machine import Machine
from cogloat.training.progress import go_on
from cogloat.training.resume import Interruption, ResumeState, stop
from cogloat.training.schedule import begins_cycle, learning_rate_factor
from cogloat.training.sgd import Sgd
from cogloat.training.step import take_step


def fit(
    objective: Objective,
    settings: Training,
    machine: Machine,
    resume: ResumeState,
    name: str,
) -> list[Row]:
    """Train an objective; the result does not depend on how often the run was interrupted.

    Args:
        objective: what is trained, on the machine's device.
        settings: epochs, batch size, optimizer and schedule.
        machine: device and precision.
        resume: where the state is kept; it stays there until the caller removes it.
        name: of the run, for the progress bar, which the first rank shows.

    Returns:
        One row an epoch: epoch (from 1), lr, the logged means, what `end_epoch` measured.

    Raises:
        UserError: if there are fewer images than a batch, the resume state is corrupt, or a number
            is not finite: then the steps since the last save are taken again, and the message says
            what was found.
    """
    try:
        return _fit(objective, settings, machine, resume, name, steps_of(machine))
    except NotFiniteError as error:
        if machine.ranks.is_first:
            print(f"{name}: {error}: taking the last steps again, to see why", file=sys.stderr)
        return _fit(objective, settings, machine, resume, name, Watch(name, take_step))


def _fit(
    objective: Objective,
    settings: Training,
    machine: Machine,
    resume: ResumeState,
    name: str,
    take: Callable[..., dict[str, Tensor]],
) -> list[Row]:
    """Train from where the state says; `take` takes a step."""
    steps = _steps(objective.size, settings)
    optimizer = Sgd(objective.parameters(), settings.optimizer)
    history: list[Row] = []
    sums: dict[str, Tensor] = {}
    first_epoch, first_step = 0, 0
    if (state := resume.load()) is not None:
        progress = go_on(resume.path, state, objective, optimizer, settings.epochs, steps)
        history = progress.history
        sums = {name: value.to(machine.device) for name, value in progress.sums.items()}
        first_epoch, first_step = progress.epoch, progress.step

    def save(epoch: int, step: int) -> None:
        resume.save(
            {
                "objective": objective.state_dict(),
                "momenta": optimizer.momenta,
                "history": history,
                "sums": sums,
                "epoch": epoch,
                "step": step,
            }
        )

    # If no state can be written, say so now. It also loads what checking and saving need: a
    # container that is told to stop may lose its files before the run has saved.
    with contextlib.suppress(NotFiniteError):  # told of when its epoch ends
        check_finite(objective, sums)
    save(first_epoch, first_step)
    ranks = machine.ranks
    bar = _progress(objective.size, settings, name, first_epoch, first_step, shown=ranks.is_first)
    memory = needing_memory(
        f"training on batches of {settings.batch_size} images (a smaller `batch_size` needs less, "
        "but is another method)"
    )
    with Interruption() as interruption, bar, memory:
        for epoch in range(first_epoch, settings.epochs):
            started = time.monotonic()
            optimizer.lr = settings.optimizer.lr * learning_rate_factor(
                settings.schedule, epoch, settings.epochs
            )
            batches = objective.order(epoch).split(settings.batch_size)[:steps]
            objective.train()
            if first_step == 0:
                sums = {}
                if begins_cycle(settings.schedule, epoch, settings.epochs):
                    optimizer.momenta.clear()
                objective.start_epoch(epoch)

            for step in range(first_step, steps):
                logged = take(objective, optimizer, machine, batches[step], epoch, step)
                for key, value in logged.items():
                    weighted = value.detach().double() * len(batches[step])
                    sums[key] = sums[key] + weighted if key in sums else weighted
                bar.update(len(batches[step]))
                stopped_by, due = ranks.agree(interruption.signal, resume.due())
                if stopped_by or due:
                    check_finite(objective, sums)
                    save(epoch, step + 1)
                if stopped_by:
                    stop(stopped_by, resume.path, ranks)

            images = sum(len(batch) for batch in batches)
            means = {key: float(value) / images for key, value in sums.items()}
            if not math.isfinite(means["loss"]):
                raise NotFiniteError("the loss is not finite")
            row: Row = {"epoch": epoch + 1, "lr": optimizer.lr}
            row |= means | dict(objective.end_epoch(epoch))
            history.append(row)
            first_step = 0
            seconds = time.monotonic() - started
            if ranks.is_first:
                _report(bar, name, row, settings.epochs, images / seconds, seconds)
        check_finite(objective, {})
        save(settings.epochs, 0)
    return history


def _steps(size: int, settings: Training) -> int:
    left = 0 if settings.drop_last else size % settings.batch_size
    if settings.groups > 1 and 0 < left < 2 * settings.groups:
        raise UserError(
            f"batch_size: the last batch of {size} training images has {left}, which is less than "
            f"two for each of {settings.groups} groups. Write drop_last: true, or another one."
        )
    steps = size / settings.batch_size
    steps = math.floor(steps) if settings.drop_last else math.ceil(steps)
    if steps == 0:
        raise UserError(
            f"batch_size: {settings.batch_size} is more than the {size} training images. Lower it."
        )
    return steps


def _progress(
    size: int, settings: Training, name: str, epoch: int, step: int, *, shown: bool
) -> tqdm:
    images = _steps(size, settings) * settings.batch_size if settings.drop_last else size
    return tqdm(
        desc=name,
        initial=epoch * images + step * settings.batch_size,
        total=settings.epochs * images,
        unit="img",
        unit_scale=True,
        disable=not (shown and sys.stderr.isatty()),
        dynamic_ncols=True,
    )


def _report(bar: tqdm, name: str, row: Row, epochs: int, rate: float, seconds: float) -> None:
    """Show an epoch on the terminal's bar, or as one line of a log file."""
    shown = {key: f"{value:.4g}" for key, value in row.items() if value is not None}
    if not bar.disable:
        bar.set_postfix(shown)
        return
    epoch = int(shown.pop("epoch"))
    left = seconds * (epochs - epoch)
    print(EpochLine(name, epoch, epochs, shown, rate, left), file=sys.stderr, flush=True)
