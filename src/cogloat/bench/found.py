"""What a measurement returns."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """A quantity in each round; none where it was left out.

    Attributes:
        rounds: the values.
        note: why there are none, or what they are made of.
    """

    rounds: tuple[float, ...]
    note: str = ""
