"""Quantities that take turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from tqdm import tqdm

from cogloat.training.timing import turn

Named = TypeVar("Named", bound=Hashable)


def take_turns(
    actions: Mapping[Named, Callable[[], object]], rounds: int, name: str
) -> dict[Named, list[float]]:
    """Return the seconds that each action takes in each round; each round another one begins.

    Args:
        actions: neighbours are compared, so that they are timed one after the other.
        rounds: how many.
        name: of the progress bar.
    """
    seconds: dict[Named, list[float]] = {own: [] for own in actions}
    with tqdm(total=rounds * len(actions), desc=name, disable=None) as bar:
        for number in range(rounds):
            for own in turn([*actions], number):
                started = time.perf_counter()
                actions[own]()
                seconds[own].append(time.perf_counter() - started)
                bar.update()
    return seconds
