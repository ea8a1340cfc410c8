"""An array of images too large for memory: decoded by threads, written and hashed block by block.

What is done stands in a file beside the array, a line a block, so that a build that was killed goes
on. A block counts as done if the files and the form that it was made by are those of its line: an
image that was mended costs its block, and not the others.

Blocks are written by position and not through a memory map: a full disk is then an error that can
be told, and no signal that ends the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cogloat.data.sources.decode import ImageRead, image_warnings
from cogloat.data.sources.equal import digest
from cogloat.data.sources.listing import ImageFile, collected
from cogloat.data.store import Blocks
from cogloat.errors import UserError
from cogloat.files import naming

BLOCK_BYTES = 32 * 2**20  # of a block, which each thread holds one of in memory

Read = Callable[[ImageFile], ImageRead]


class Row(NamedTuple):
    """What is known of one image.

    Attributes:
        size: width and height of the file's image.
        stored: height and width in the array.
        digest: of the pixels before they were scaled, in hexadecimal.
        changes: what was changed beside the size, or is odd.
    """

    size: tuple[int, int]
    stored: tuple[int, int]
    digest: str
    changes: tuple[str, ...]


class Block(NamedTuple):
    """One block that was written."""

    sha256: str
    rows: list[Row]


@dataclass(frozen=True)
class Plan:
    """What is built.

    Attributes:
        path: of the array; `<path>.blocks` is beside it while it is built.
        files: the images, a row each.
        slot: height and width of each row's place; what an image leaves over is zero.
        read: makes an image of a file; it is at most as large as its place.
        recipe: says how `read` does it, in a text that is another if the pixels are.
    """

    path: Path
    files: Sequence[ImageFile]
    slot: tuple[int, int]
    read: Read
    recipe: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return (len(self.files), 3, *self.slot)

    @property
    def rows(self) -> int:
        """Images of a block."""
        return max(1, BLOCK_BYTES // math.prod(self.shape[1:]))

    def block_files(self, block: int) -> Sequence[ImageFile]:
        """Return the images of a block."""
        return self.files[block * self.rows : (block + 1) * self.rows]

    def key(self, block: int) -> str:
        """Return the hash of all that a block is made by."""
        made_of = [[file.path, file.size, file.changed] for file in self.block_files(block)]
        text = json.dumps([self.recipe, self.shape, self.rows, block, made_of])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def blocks(self) -> range:
        """The numbers of the blocks."""
        return range(-(-len(self.files) // self.rows))


class Built(NamedTuple):
    """An array that is complete: the hashes of its blocks, and what is known of its rows."""

    blocks: Blocks
    rows: list[Row]


def build(plan: Plan, threads: int, what: str, problems: list[UserError]) -> Built | None:
    """Write an array, or what is missing of it.

    Args:
        plan: what is built.
        threads: that decode; each holds a block in memory.
        what: is decoded, for the progress bar.
        problems: gets what is wrong with each file that gives no image. Blocks without such a file
            are written all the same, and need not be done again.

    Returns:
        What was built, or nothing where there are problems.

    Raises:
        UserError: if another process builds the same array, or the disk is too small.
    """
    plan.path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(_sidecar(plan.path)) as sidecar, _array(plan, sidecar) as (array, offset):
        done, bad = _done(plan, sidecar), dict[int, list[UserError]]()
        keys = {block: plan.key(block) for block in plan.blocks}
        left = [block for block in plan.blocks if block not in done]
        with _bar(plan, done, what) as bar, image_warnings(), _pool(threads) as pool:
            work = {pool.submit(_write, plan, block, array, offset): block for block in left}
            for finished in as_completed(work):
                block = work[finished]
                written, bad[block] = finished.result()
                if written is not None:
                    _note(sidecar, block, keys[block], written)
                    done[block] = written
                bar.update(len(plan.block_files(block)))
    problems.extend(problem for block in sorted(bad) for problem in bad[block])
    if len(done) < len(plan.blocks):
        return None
    blocks = [done[block] for block in plan.blocks]
    hashes = tuple(block.sha256 for block in blocks)
    return Built(Blocks(rows=plan.rows, sha256=hashes), [row for own in blocks for row in own.rows])


def remove_notes(path: Path) -> None:
    """Remove what says how far an array was built; it is complete, and has its place."""
    _sidecar(path).unlink(missing_ok=True)


def _write(plan: Plan, block: int, array: int, offset: int) -> tuple[Block | None, list[UserError]]:
    """Decode and write one block, if each of its files gives an image."""
    files = plan.block_files(block)
    pixels_BCHW = np.zeros((len(files), *plan.shape[1:]), np.uint8)
    rows, bad = [], list[UserError]()
    for place, file in zip(pixels_BCHW, files, strict=True):
        with collected(bad):
            image = plan.read(file)
            _, height, width = image.pixels_CHW.shape
            place[:, :height, :width] = image.pixels_CHW
            same = digest(np.asarray(image.before)).hex()
            rows.append(Row(image.before.size, (height, width), same, tuple(image.changes)))
    if bad:
        return None, bad
    start = offset + block * plan.rows * math.prod(plan.shape[1:])
    with naming(plan.path):
        _write_at(array, pixels_BCHW, start)
        os.fdatasync(array)  # before it is said to be there
    return Block(hashlib.sha256(pixels_BCHW.data).hexdigest(), rows), []


def _write_at(array: int, pixels: NDArray[np.uint8], start: int) -> None:
    data = pixels.data.cast("B")
    while data:
        written = os.pwrite(array, data, start)
        data, start = data[written:], start + written


@contextlib.contextmanager
def _array(plan: Plan, sidecar: BinaryIO) -> Iterator[tuple[int, int]]:
    """Open the array's file, as large as it will be; yield it and where its numbers begin."""
    packed = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": plan.shape}
    np.lib.format.write_array_header_1_0(packed, header)
    size = packed.tell() + math.prod(plan.shape)
    with naming(plan.path), open(plan.path, "a+b"):  # it is there now
        status = plan.path.stat()
    if status.st_size != size:
        sidecar.truncate(0)  # what it speaks of is gone
    if size - 512 * status.st_blocks > (free := shutil.disk_usage(plan.path.parent).free):
        raise UserError(
            f"{plan.path}: needs {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. Free some "
            "space, or set `store.short_side` lower in the dataset's file."
        )
    with naming(plan.path), plan.path.open("r+b") as file:
        file.write(packed.getvalue())
        file.truncate(size)
        yield file.fileno(), packed.tell()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file that no other process has open in this way."""
    with naming(path), path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{path}: another process builds this store. Wait for it, or end it."
            ) from None
        except OSError:
            pass  # a disk without locks
        yield file


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.blocks")


def _done(plan: Plan, sidecar: BinaryIO) -> dict[int, Block]:
    """Return the blocks that are written already; what a kill left half of a line of is none."""
    done = {}
    sidecar.seek(0)
    for line in sidecar.read().splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            noted = json.loads(line)
            block = noted["block"]
            if block in plan.blocks and noted["key"] == plan.key(block):
                done[block] = Block(noted["sha256"], [_row(*row) for row in noted["rows"]])
    return done


def _row(size: list[int], stored: list[int], digest: str, changes: list[str]) -> Row:
    (width, height), (rows, columns) = size, stored
    return Row((width, height), (rows, columns), digest, tuple(changes))


def _note(sidecar: BinaryIO, block: int, key: str, written: Block) -> None:
    """Add a line for a block; what is half a line before it ends there."""
    noted = {"block": block, "key": key, **written._asdict()}
    sidecar.write(b"\n" + json.dumps(noted).encode() + b"\n")
    sidecar.flush()
    os.fsync(sidecar.fileno())


def _bar(plan: Plan, done: dict[int, Block], what: str) -> tqdm:
    finished = sum(len(plan.block_files(block)) for block in done)
    return tqdm(
        desc=f"decode {what}", total=len(plan.files), initial=finished, unit="img", disable=None
    )


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads work; what is not begun when a block fails, or on Ctrl-C, is not begun."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
