"""How a user's mistake ends: one message, a non-zero exit, no traceback."""

from __future__ import annotations

import difflib
import errno
import re
import sys
from collections.abc import Callable, Iterable

EXIT_USER_ERROR = 2
OUT_OF_MEMORY = re.compile("out of memory|not enough memory|can't allocate memory")
NO_MEMORY = (
    "out of memory. Use a GPU or a machine with more of it, or run fewer jobs there at a time; a "
    "smaller `batch_size` needs less too, but is another method."
)


class UserError(Exception):
    """A mistake the user can mend; the message names the thing and the fix."""


def main_guard(main: Callable[[], None]) -> None:
    """Run a script's `main`; end it with one line on a mistake of the user or the machine."""
    try:
        main()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        _fail(_explain(error))
    except MemoryError:
        _fail(NO_MEMORY)
    except RuntimeError as error:
        # torch's own class derives from RuntimeError, and so do other failures
        if not OUT_OF_MEMORY.search(str(error)):
            raise
        _fail(f"{NO_MEMORY} ({str(error).splitlines()[0]})")
    except KeyboardInterrupt:
        sys.exit("interrupted")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean '...'?" for the closest known name, or the list of all."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(known) or 'none'}."


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(EXIT_USER_ERROR)


def _explain(error: OSError) -> str:
    fixes = {
        errno.ENOSPC: "the disk is full. Free some space and run the same command again",
        errno.EDQUOT: "the disk quota is used up. Free some space and run the same command again",
        errno.EFBIG: "the file would be larger than this machine allows. Raise the limit",
        errno.EACCES: "no permission. Check who owns the folder",
        errno.EROFS: "the file system is read-only. Choose another folder",
        errno.ENOENT: "no such file. Check the path",
        errno.ENOTDIR: "a part of the path is a file, not a folder. Choose another path",
        errno.EISDIR: "this is a folder, a file is needed. Check the path",
    }
    fix = fixes.get(error.errno or 0, error.strerror or type(error).__name__)
    return f"{error.filename}: {fix}." if error.filename else f"{fix}."
