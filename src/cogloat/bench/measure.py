"""Every quantity that some rows ask for, each measured once, and the rows made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from cogloat.bench import counted, held, started, trained, viewed
from cogloat.bench.found import Found
from cogloat.bench.scene import Scene, make_scene
from cogloat.results.measured import Measured
from cogloat.runs.bench import Bench, Group, Quantity, Row

Measure = Callable[[Sequence[Quantity], Scene], dict[Quantity, Found]]
# kind of a quantity -> what measures it, and whether on small images
MEASURES: Mapping[str, tuple[Measure, bool]] = {
    "counted": (counted.measure, True),
    "started": (started.measure, True),
    "viewed": (viewed.measure, False),
    "held": (held.measure, False),
    "trained": (trained.measure, False),
}


class Measurement:
    """A bench on this machine, whose groups can be measured more than once."""

    def __init__(
        self, config: Path, bench: Bench, folder: Path, threads: int, store: Path | None
    ) -> None:
        """Write what is trained on; arguments as of `make_scene`."""
        self._scenes = {
            small: make_scene(config, bench, folder / name, threads, store, small=small)
            for name, small in (("whole", False), ("small", True))
        }
        self._process = self._scenes[False].machine().process()

    def measure(self, groups: Mapping[str, Group]) -> list[Measured]:
        """Measure the rows of some groups.

        Raises:
            UserError: if a row asks for what cannot be measured.
        """
        rows = [row for group in groups.values() for row in group.rows]
        asked = list(dict.fromkeys(own for row in rows for own in row.quantities))
        found: dict[Quantity, Found] = {}
        for kind, (measure, small) in MEASURES.items():
            if own := [quantity for quantity in asked if quantity.kind == kind]:
                found |= measure(own, self._scenes[small])
        return [
            line
            for name, group in groups.items()
            for row in group.rows
            for line in self._lines(name, row, [found[own] for own in row.quantities])
        ]

    def _lines(self, group: str, row: Row, parts: Sequence[Found]) -> Iterator[Measured]:
        """Yield a row's value in each round, or that it was left out."""
        notes = "; ".join(part.note for part in parts if part.note)
        rounds = [part.rounds for part in parts]
        values: list[float | None] = [*_divided(*rounds)] if all(rounds) else [None]
        for number, value in enumerate(values):
            yield Measured(
                group=group,
                label=row.label,
                round=number,
                value=value,
                note=notes,
                device=self._process.device,
                threads=self._process.threads,
            )


def _divided(of: Sequence[float], over: Sequence[float] | None = None) -> list[float]:
    if over is None:
        return list(of)
    return [one / other for one, other in zip(of, over, strict=True)]
