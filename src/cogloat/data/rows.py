"""Rows of an array on disk that is too large for memory, read when they are asked for.

They are read by position, not through a memory map: a process then holds the rows that it asked for
and nothing else, the system's cache of the disk is shared by all processes, and a fault of the disk
is an error that can be told.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cogloat.errors import UserError

READERS = 8  # threads, which wait for the disk


class Rows:
    """Some rows of an array of bytes, [N, ...]."""

    def __init__(self, array: np.memmap, indices_N: NDArray[np.integer] | None = None) -> None:
        """Take an array that is known to be whole.

        Args:
            array: of a file, uint8, row by row.
            indices_N: its rows in the order in which they are counted here; by default all.
        """
        self._array = array
        self.path, self._offset = Path(str(array.filename)), array.offset
        self._indices_N = np.arange(len(array)) if indices_N is None else indices_N
        self.shape = (len(self._indices_N), *array.shape[1:])
        self._bytes = math.prod(array.shape[1:])
        self._file = self.path.open("rb", buffering=0)

    def __len__(self) -> int:
        return len(self._indices_N)

    def take(self, positions_B: Tensor, *, pinned: bool = False) -> Tensor:
        """Return rows [B, ...] in memory.

        Args:
            positions_B: which, on the host.
            pinned: in memory that a GPU copies from while the host goes on.

        Raises:
            OSError: if the disk has a fault.
            UserError: if the file has become shorter.
        """
        rows_B = self._indices_N[positions_B.numpy()]
        taken = torch.empty((len(rows_B), *self.shape[1:]), dtype=torch.uint8, pin_memory=pinned)
        bytes_BX = taken.view(len(rows_B), -1).numpy()
        parts = zip(np.array_split(rows_B, READERS), np.array_split(bytes_BX, READERS), strict=True)
        for _ in self._pool.map(lambda part: self._read(*part), parts):
            pass  # what goes wrong in a thread is raised here
        return taken

    def some(self, positions_M: Tensor) -> Rows:
        """Return some of the rows, in another order."""
        return Rows(self._array, self._indices_N[positions_M.numpy()])

    def chunks(self, rows: int) -> Iterator[Tensor]:
        """Yield all rows in their order, so many at a time."""
        for positions in torch.arange(len(self)).split(rows):
            yield self.take(positions)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(READERS)

    def _read(self, rows_B: NDArray[np.int64], into_BX: NDArray[np.uint8]) -> None:
        for row, place in zip(rows_B.tolist(), into_BX, strict=True):
            data, start = place.data, self._offset + row * self._bytes
            while data:
                count = os.preadv(self._file.fileno(), [data], start)
                if count == 0:
                    raise UserError(f"{self.path}: has become shorter while it was read. Mend it.")
                data, start = data[count:], start + count
