"""A rolling resume state, so that a killed run ends in the same bits as one that was not."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from cogloat.errors import UserError
from cogloat.training.checkpoint import load_checkpoint, save_checkpoint

# SIGURG: a cluster's warning before a time limit; it ends no program that does not know it
WARNING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGURG)


class ResumeState:
    """The file a run goes on from.

    Attributes:
        identity: what the run depends on (configuration, code, split, ...), name -> hash.
    """

    def __init__(self, path: Path, identity: dict[str, str], save_every: float) -> None:
        """Name the file.

        Args:
            path: the file, in a scratch folder, never a declared output.
            identity: what must be equal for a state to be gone on from.
            save_every: seconds between two saves.
        """
        self.path = path
        self.identity = identity
        self._save_every = save_every
        self._saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state to go on from, or None.

        Raises:
            UserError: if the file is damaged, or was made by another run.
        """
        if not self.path.exists():
            return None
        state = load_checkpoint(self.path, "resume state")
        found = state.get("identity", {})
        changed = [name for name, value in self.identity.items() if found.get(name) != value]
        if changed:
            raise UserError(
                f"{self.path}: this resume state was made with another {' and '.join(changed)}. "
                "Delete it to start over, or undo the change to go on from it."
            )
        return state

    def due(self) -> bool:
        """Say whether it is time to save again."""
        return time.monotonic() - self._saved_at >= self._save_every

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state on disk."""
        save_checkpoint(self.path, {"identity": self.identity, **state})
        self._saved_at = time.monotonic()

    def remove(self) -> None:
        """Delete the state, once the run's outputs are all written."""
        self.path.unlink(missing_ok=True)


class Interruption:
    """Notes a signal to stop, so that the loop can save between two steps and exit."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        for number in WARNING_SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number

    def exit(self, path: Path) -> None:
        """End the process with the signal's exit status, saying how to go on."""
        number = signal.Signals(self.signal or signal.SIGTERM)
        print(
            f"stopped by {number.name}; the same command goes on from {path}",
            file=sys.stderr,
        )
        sys.exit(128 + number)
