"""What every script begins with: from then on, whatever goes wrong ends in one message."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, NoReturn

from cogloat.errors import explain

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def install() -> None:
    """Guard the rest of a script, its imports included.

    A mistake of the user or a fault of the machine ends it with one line and exit status 2, Ctrl-C
    with 130; a fault of the code keeps its traceback. A closed standard stream, a full disk under
    the log, or a reader that is gone ends nothing.
    """
    _open_closed_descriptors()
    sys.stdout = _stream(1, sys.stdout, Unread)
    sys.stderr = _stream(2, sys.stderr, Unwritable)
    atexit.register(_finish)
    sys.excepthook = _end
    sys.unraisablehook = _end_unraisable
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not in the background
        signal.signal(signal.SIGINT, _interrupt)


class Unread(io.FileIO):
    """A stream that goes on when its reader is gone, as that of `script --help | head`."""

    def write(self, data: Any, /) -> int:
        """Write; what nobody reads is dropped."""
        try:
            return super().write(data)
        except BrokenPipeError:
            return len(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from None


class Unwritable(io.FileIO):
    """A stream for messages, whose loss must not cost the result."""

    def write(self, data: Any, /) -> int:
        """Write; what cannot be written is dropped."""
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(data) if written is None else written


def _open_closed_descriptors() -> None:
    """Give 0, 1 and 2 to /dev/null where they are closed; else a result would get the number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            os.set_inheritable(opened, True)


def _stream(descriptor: int, old: io.TextIOBase | Any, kind: type[io.FileIO]) -> io.TextIOWrapper:
    """Return a stream of a kind for a descriptor, with the encoding of the one it replaces."""
    raw = kind(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(old, "encoding", "utf-8"),
        errors=getattr(old, "errors", None) or "backslashreplace",
        line_buffering=True,
    )


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """End the process; Python takes the exit status from the SystemExit that is raised here."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what says why it ends, ends with its status
    if isinstance(error, KeyboardInterrupt):
        _say_interrupted()
        sys.exit(EXIT_INTERRUPTED)
    message = explain(error)
    if message is None:
        sys.__excepthook__(kind, error, trace)
        return
    print(f"error: {message}", file=sys.stderr)
    _discard()
    sys.exit(EXIT_ERROR)


def _end_unraisable(unraisable: Any) -> None:
    """End the process after Ctrl-C in a place that passes no exception on, such as a callback."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        _end_at_once()
    sys.__unraisablehook__(unraisable)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but end at once during imports, in which libraries swallow it."""
    outer = frame
    while outer is not None:
        if outer.f_code.co_filename.startswith("<frozen importlib"):
            _end_at_once()
        outer = outer.f_back
    signal.default_int_handler(number, frame)


def _end_at_once() -> NoReturn:
    _say_interrupted()
    os._exit(EXIT_INTERRUPTED)


def _say_interrupted() -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted\n")  # not through a stream that may be in the middle of a line


def _finish() -> None:
    """Write what is left of the output; Python's own end would tell of an error by its frames."""
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"error: {explain(error)}", file=sys.stderr)
        os._exit(EXIT_ERROR)


def _discard() -> None:
    """Drop output that could not be written, so that it is told of once."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
