"""NumPy arrays, .npy: a file is as long as its header says before anything of it is read."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cogloat.errors import UserError

ZIP = b"PK"  # how an archive begins
LONGEST_HEADER = 10_000  # bytes, as in NumPy
LONGEST_SHOWN = 60  # letters of a shape
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
KINDS = {"iu": "whole numbers", "u": "whole numbers without a sign", "f": "decimal numbers"}


class Header(NamedTuple):
    """What an array is, by the first bytes of its file."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    length: int


def read_array(
    path: Path, kinds: str, dimensions: int, fix: str, *, memory_map: bool = False
) -> NDArray:
    """Read an array of numbers; nothing in the file is executed.

    Args:
        path: the file.
        kinds: what the numbers may be, letters of `numpy.dtype.kind`: "iu", "u" or "f".
        dimensions: how many.
        fix: what to do about a file that is damaged.
        memory_map: leave the numbers on disk, read-only, in their order there.

    Returns:
        The array, of at least one number; in memory its bytes are in the machine's order.

    Raises:
        OSError: if it is missing or cannot be read.
        UserError: if it is no such array, naming the file and what it is.
    """
    header = _header(path, fix)
    shape = " x ".join(map(str, header.shape))[:LONGEST_SHOWN]
    size = header.length + math.prod(header.shape) * header.dtype.itemsize
    if header.dtype.kind not in kinds:
        problem = f"holds {header.dtype}, not {KINDS[kinds]}"
    elif len(header.shape) != dimensions:
        problem = f"has {len(header.shape)} dimensions ({shape}), not {dimensions}"
    elif min(header.shape) < 1:
        problem = f"is empty ({shape})"
    elif (found := path.stat().st_size) != size:
        state = "truncated" if found < size else "too long"
        problem = f"is {state}: {found} bytes are not its {shape} numbers of {header.dtype}"
    else:
        order: Literal["F", "C"] = "F" if header.fortran_order else "C"
        array = np.memmap(path, header.dtype, "r", header.length, header.shape, order)
        return array if memory_map else np.array(array, header.dtype.newbyteorder("="), order="C")
    raise UserError(f"{path}: the array {problem}. {fix}")


def check_range(array: NDArray, path: Path, least: int, most: int, fix: str) -> None:
    """Refuse an array with a whole number out of range.

    Raises:
        UserError: naming the first one.
    """
    wrong = (array < least) | (array > most)
    if wrong.any():
        place = int(wrong.argmax())
        raise UserError(
            f"{path}: number {place}, counted from 0, is {array.flat[place]}, not between {least} "
            f"and {most}. {fix}"
        )


def _header(path: Path, fix: str) -> Header:
    with path.open("rb") as file:
        start = io.BytesIO(file.read(LONGEST_HEADER))
    if start.getvalue().startswith(ZIP):
        raise UserError(f"{path}: an archive, as .npz is, not one array. {fix}")
    try:
        version = np.lib.format.read_magic(start)
        with warnings.catch_warnings(action="ignore"):  # of numbers that Python 2 wrote
            shape, fortran_order, dtype = HEADERS[version](start)
    except Exception:  # a header is Python's syntax, and its parser fails in many ways
        raise UserError(
            f"{path}: not a NumPy array (.npy), or its header is damaged. {fix}"
        ) from None
    return Header(tuple(map(int, shape)), fortran_order, dtype, start.tell())
