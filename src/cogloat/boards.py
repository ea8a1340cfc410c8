"""Training curves for TensorBoard, by what trainings log and leave. Imports no torch.

A training knows nothing of it: it pays nothing, and its code and bits stay. So it works for jobs of
a cluster too, from any machine that sees the folder.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cogloat.readers.cells import decimal, optional, whole
from cogloat.readers.tables import read_table
from cogloat.results.epoch_line import EpochLine
from cogloat.results.history import RUN_IT

Curves = dict[int, dict[str, float]]  # epoch, from 1 -> name -> value


class Board:
    """A folder that TensorBoard shows: a run of it for each training.

    What an earlier process wrote of a training is replaced as soon as there is something of it.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder; it need not be there."""
        self._folder = folder
        self._shown: dict[str, int] = {}

    def update(self, names: Iterable[str], logs: Path, results: Path) -> int:
        """Write the epochs that are not there yet; return how many.

        Args:
            names: of trainings, such as digits/if100/ce/seed0/train.
            logs: folder of the logs.
            results: folder of the results.

        Raises:
            OSError: if a file cannot be written.
            UserError: if a history is damaged.
        """
        written = 0
        for name in names:
            known = self._shown.get(name, 0)
            curves = curves_of(name, logs, results)
            new = {epoch: values for epoch, values in curves.items() if epoch > known}
            if new:
                self._write(name, new)
                self._shown[name] = max(new)
                written += len(new)
        return written

    def _write(self, name: str, curves: Curves) -> None:
        folder = self._folder / name
        if name not in self._shown:
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        writer = EventFileWriter(str(folder))
        for epoch, values in sorted(curves.items()):
            shown = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
            event = Event(step=epoch, wall_time=time.time(), summary=Summary(value=shown))
            writer.add_event(event)
        writer.close()


def curves_of(name: str, logs: Path, results: Path) -> Curves:
    """Return what is known of a training's epochs: its history, or before that its log.

    A log is begun anew where a training goes on after a stop.
    """
    history = results / "runs" / name / "history.csv"
    if history.is_file():
        table = read_table(history, {"epoch": whole}, RUN_IT, others=lambda _: optional(decimal))
        rows = (cells for _, cells in table.rows)
        return {row["epoch"]: _numbers(row) for row in rows}
    try:
        lines = (logs / f"{name}.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    told = filter(None, map(EpochLine.read, lines))
    return {line.epoch: _numbers(line.values) | {"images/s": line.rate} for line in told}


def _numbers(values: Mapping[str, object]) -> dict[str, float]:
    """Return what was measured, as numbers."""
    found = {}
    for name, value in values.items():
        with contextlib.suppress(TypeError, ValueError):
            if name != "epoch":
                found[name] = float(value)  # type: ignore[arg-type]
    return found
