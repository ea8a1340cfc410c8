"""A rolling resume state, so that a killed run ends in the same bits as one that was not."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

from pydantic import ValidationError

from cogloat.checkpoint import load_checkpoint, save_checkpoint
from cogloat.errors import UserError
from cogloat.ranks import ALONE, Ranks
from cogloat.results.provenance import Process

OWN = ("identity", "processes")  # what a state holds beside that of the training
# SIGURG: a cluster's warning before a time limit; it ends no program that does not know it
WARNING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGURG)


class ResumeState:
    """The file a run goes on from, named by what the run depends on.

    Where that changes, another file is meant and the run starts afresh; nothing is ever mixed.

    Attributes:
        path: the file, in a scratch folder, never a declared output.
        identity: what the run depends on (configuration, code, split, ...), name -> hash or value.
    """

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, str],
        save_every: float,
        process: Callable[[], Process],
        ranks: Ranks = ALONE,
    ) -> None:
        """Name the file.

        Args:
            folder: of the file.
            identity: what must be equal for a state to be gone on from.
            save_every: seconds between two saves.
            process: describes this process, as of now.
            ranks: of which the first one writes what any number of them goes on from.
        """
        self.identity = dict(identity)
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()
        self.path = folder / f"{digest[:16]}.pt"
        self._save_every, self._process = save_every, process
        self._ranks = ranks
        self._earlier: tuple[Process, ...] = ()
        self._saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state to go on from, or None; say so where there are only others' states.

        Raises:
            UserError: if the file is damaged, or is another run's that was given this name.
        """
        there = self.path.exists()
        self._ranks.barrier()  # the first one will write it
        if not there:
            for other in sorted(self.path.parent.glob("*.pt")) if self._ranks.is_first else ():
                print(f"starting afresh: {other} {_difference(other, self)}", file=sys.stderr)
            return None
        state = load_checkpoint(self.path, "resume state")
        try:
            self._earlier = tuple(Process.model_validate(one) for one in state["processes"])
            known = state["identity"] == self.identity
        except (KeyError, TypeError, ValidationError):
            known = False
        if not known:
            raise UserError(
                f"{self.path}: this is not the resume state of this run. Delete it to start over."
            )
        return {name: value for name, value in state.items() if name not in OWN}

    @property
    def processes(self) -> tuple[Process, ...]:
        """The processes that worked on the run, this one last."""
        return (*self._earlier, self._process())

    def due(self) -> bool:
        """Say whether it is time to save again."""
        return time.monotonic() - self._saved_at >= self._save_every

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state on disk; every rank waits for it."""
        if self._ranks.is_first:
            own = {"identity": self.identity, "processes": [p.model_dump() for p in self.processes]}
            save_checkpoint(self.path, own | state)
        self._saved_at = time.monotonic()
        self._ranks.barrier()

    def remove(self) -> None:
        """Delete the state, once the run's outputs are all written; by the first rank."""
        if self._ranks.is_first:
            self.path.unlink(missing_ok=True)


def _difference(other: Path, own: ResumeState) -> str:
    """Say in what another state's run differs from one's own."""
    try:
        found = load_checkpoint(other, "resume state")["identity"]
        changed = [name for name, value in own.identity.items() if found.get(name) != value]
    except (UserError, OSError, KeyError, AttributeError):
        return "cannot be read"
    return f"was made with another {' and '.join(changed)}"


class Interruption:
    """Notes a signal to stop, so that the loop can save between two steps and exit.

    Attributes:
        signal: its number; 0 if there was none.
    """

    def __init__(self) -> None:
        self.signal = 0
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


def stop(number: int, path: Path, ranks: Ranks) -> NoReturn:
    """End the process with a signal's exit status; the first rank says how to go on."""
    if ranks.is_first:
        name = signal.Signals(number).name
        print(f"stopped by {name}; the same command goes on from {path}", file=sys.stderr)
    sys.exit(128 + number)
