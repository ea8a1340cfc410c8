"""What a training says of an epoch in its log: written and read here. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

LINE = re.compile(
    r"(?P<name>\S+) epoch (?P<epoch>\d+)/(?P<epochs>\d+) (?P<values>.+) "
    r"(?P<rate>\d+) images/s ETA (?P<left>\d+) s"
)
UNITS = {"d": 86400, "h": 3600, "min": 60}


@dataclass(frozen=True)
class EpochLine:
    """One line of a log.

    Attributes:
        name: of the run and the stage, or of what else is trained.
        epoch: that is over, from 1.
        epochs: of the training.
        values: what was logged in it, as it is shown.
        rate: images a second.
        left: seconds, if the others take as long.
    """

    name: str
    epoch: int
    epochs: int
    values: Mapping[str, str]
    rate: float
    left: float

    def __str__(self) -> str:
        """Return the line."""
        values = " ".join(f"{key} {value}" for key, value in self.values.items())
        rest = f"{self.rate:.0f} images/s ETA {self.left:.0f} s"
        return f"{self.name} epoch {self.epoch}/{self.epochs} {values} {rest}"

    @classmethod
    def read(cls, line: str) -> EpochLine | None:
        """Return what a line of a log says, or None where it says something else."""
        found = LINE.fullmatch(line)
        if found is None:
            return None
        words = found["values"].split()
        return cls(
            name=found["name"],
            epoch=int(found["epoch"]),
            epochs=int(found["epochs"]),
            values=dict(zip(words[::2], words[1::2], strict=False)),
            rate=float(found["rate"]),
            left=float(found["left"]),
        )


def duration(seconds: float) -> str:
    """Return how long something takes, in its two largest units: 3 h 20 min."""
    parts: list[str] = []
    rest = round(seconds)
    for unit, length in UNITS.items():
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or f"{rest} s"
