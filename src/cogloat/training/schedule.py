"""Learning-rate schedules, constant within an epoch."""

from __future__ import annotations

import math

from cogloat.methods.epochs import whole_epochs
from cogloat.methods.settings import Cosine, Steps

# of a cosine: what is added to an epoch's number, and to that of the epochs
POINTS = {"from_one": (0, 0), "between": (1, 1), "to_zero": (1, 0)}


def learning_rate_factor(schedule: Cosine | Steps, epoch: int, epochs: int) -> float:
    """Return what the base learning rate is multiplied with.

    Args:
        schedule: its shares of the epochs are rounded to whole epochs.
        epoch: counted from 0.
        epochs: their number.

    Returns:
        A linear warm-up in the first w epochs (1/w, 2/w, ..., 1, or from `warmup_from` to 1); then
        the cosine from 1 towards the floor (of the cycle that the epoch is in), or the factor of
        the last milestone passed.
    """
    warmup = whole_epochs(schedule.warmup, epochs)
    if epoch < warmup:
        return _warmup(schedule, epoch, warmup)
    if isinstance(schedule, Cosine):
        start, end = _cycle(schedule, epoch, epochs)
        before, more = POINTS[schedule.points]
        if schedule.points != "from_one":
            start = max(start, warmup)
        place = (epoch - start + before) / (end - start + more)
        fallen = 0.5 * (1 + math.cos(math.pi * place))
        return schedule.floor + (1 - schedule.floor) * fallen
    passed = [
        factor
        for at, factor in zip(schedule.at, schedule.factors, strict=True)
        if epoch >= whole_epochs(at, epochs)
    ]
    return passed[-1] if passed else 1.0


def begins_cycle(schedule: Cosine | Steps, epoch: int, epochs: int) -> bool:
    """Say whether a cosine starts again in an epoch, and the optimizer with it."""
    return isinstance(schedule, Cosine) and _cycle(schedule, epoch, epochs)[0] == epoch


def _warmup(schedule: Cosine | Steps, epoch: int, warmup: int) -> float:
    """Return the factor of one of the epochs of the warm-up."""
    if not isinstance(schedule, Cosine) or schedule.warmup_from is None:
        return (epoch + 1) / warmup
    risen = epoch / (warmup - 1) if warmup > 1 else 0.0
    return schedule.warmup_from + (1 - schedule.warmup_from) * risen


def _cycle(schedule: Cosine, epoch: int, epochs: int) -> tuple[int, int]:
    """Return the first epoch of the cycle that holds an epoch, and that of the next."""
    bounds = [whole_epochs(n / schedule.cycles, epochs) for n in range(schedule.cycles + 1)]
    following = next(number for number, bound in enumerate(bounds) if bound > epoch)
    return bounds[following - 1], bounds[following]
