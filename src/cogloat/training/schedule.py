"""Learning-rate schedules, constant within an epoch."""

from __future__ import annotations

import math

from cogloat.config.schema import Cosine, Steps


def learning_rate_factor(schedule: Cosine | Steps, epoch: int, epochs: int) -> float:
    """Return what the base learning rate is multiplied with.

    Args:
        schedule: its shares of the epochs are rounded to whole epochs.
        epoch: counted from 0.
        epochs: their number.

    Returns:
        A linear warm-up (1/w, 2/w, ..., 1) in the first w epochs; then the cosine from 1 towards 0,
        or the factor of the last milestone passed.
    """
    warmup = round(schedule.warmup * epochs)
    if epoch < warmup:
        return (epoch + 1) / warmup
    if isinstance(schedule, Cosine):
        return 0.5 * (1 + math.cos(math.pi * epoch / epochs))
    passed = [
        factor
        for at, factor in zip(schedule.at, schedule.factors, strict=True)
        if epoch >= round(at * epochs)
    ]
    return passed[-1] if passed else 1.0
