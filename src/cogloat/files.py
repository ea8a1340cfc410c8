"""Atomic writes and checksums: a file is either the old one or the whole new one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import io
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO


def write_atomically(path: Path | str, write: Callable[[BinaryIO], object]) -> None:
    """Write a file through a temporary sibling, fsync and rename.

    Siblings that earlier processes left, killed while they wrote the same file, are removed; those
    of living processes stay, and the last one to end wins. A symbolic link is replaced, and what it
    leads to stays as it is: it may be in DVC's cache. Devices, pipes and open descriptors, such as
    /dev/stdout, are written into as they are.

    Args:
        path: where the file goes; missing folders are made.
        write: called with the open binary file.

    Raises:
        OSError: with `filename` set to `path`; the old file, if any, is left as it was.
    """
    path = Path(path)
    with naming(path):
        if _is_stream(path):
            packed = io.BytesIO()
            write(packed)
            with path.open("ab") as stream:
                stream.write(packed.getbuffer())
            return
        _refuse_folder(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _temporary_sibling(path) as (file, temporary):
            write(file)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        _remove_leftovers(path)


def write_text(path: Path | str, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path | str, value: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def writable_file(path: Path | str) -> Path:
    """Return the path of an output, as it comes from a command line, checked before any work.

    Raises:
        OSError: with `filename` set, if no file can be written there.
    """
    path = Path(path)
    if not _is_stream(path):
        with naming(path):
            _refuse_folder(path)
        _try(path)
    return path


def writable_folder(path: Path | str) -> Path:
    """Return the path of a folder for outputs, which need not be there; as of `writable_file`."""
    path = Path(path)
    _try(path / "output")
    return path


def sha256(path: Path | str) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_id(data: bytes) -> str:
    """Return the name that Git has for a file of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _try(path: Path) -> None:
    """Make and remove a file of a name like a path's, in the nearest folder that there is."""
    existing = path.parent
    while not os.path.lexists(existing):
        existing = existing.parent
    with naming(existing), _temporary_sibling(existing / path.name):
        pass


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error name a path, and not a temporary file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _is_stream(path: Path) -> bool:
    """Say whether a path is a device, a pipe or an open descriptor."""
    target = path.parent / path.readlink() if path.is_symlink() else path
    if os.path.realpath(target.parent) == os.path.realpath("/dev/fd"):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))


@contextlib.contextmanager
def _temporary_sibling(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a new file beside a path; it is locked as long as it is open, and gone afterwards.

    Its mode is as for any new file there. It is open for reading too: some systems lock no other
    file, and NumPy tells of a full disk only in files that it does not write behind Python's back.
    """
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        file = os.fdopen(descriptor, "w+b")
        with contextlib.suppress(OSError):  # without locks nothing is taken for a leftover
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink > 0:
            break
        file.close()  # removed by another process before it was locked
    try:
        with file:
            yield file, temporary
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary siblings that no living process has locked."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 16}.tmp"):
        with contextlib.suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()
