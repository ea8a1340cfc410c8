"""leak.json: whether an encoder's batch statistics give its positives away. Imports no torch."""

from __future__ import annotations

from typing import ClassVar

from cogloat.results.reading import OfRun, Percent


class Leak(OfRun):
    """How often a query's own key is nearest among it and keys of other batches, in percent.

    Attributes:
        batch: with the statistics of the batch, as in the loss.
        running: of the same views, with running statistics.
    """

    FIX: ClassVar[str] = "Measure the run again"

    batch: Percent
    running: Percent

    @property
    def leak(self) -> float:
        """What batch statistics add, in percentage points."""
        return self.batch - self.running
