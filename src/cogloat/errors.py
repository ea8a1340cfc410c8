"""How what is no fault of the code is told: in one message that names the thing and the fix."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

OUT_OF_MEMORY = re.compile(
    "out of memory|not enough memory|can't allocate memory|[Cc]annot allocate memory"
    "|failed to map segment from shared object"
)
MORE_MEMORY = "Use a GPU or a machine with more of it, or run fewer jobs there at a time."
GET_PACKAGES = (
    "Activate the environment with `. .venv/bin/activate` (`make env TORCH=lock` makes it), or run "
    "in the image with `snakemake --sdm apptainer`."
)
IN_IMAGE = "APPTAINER_CONTAINER"  # Apptainer sets it for what runs in a container
# what a library that cannot be loaded is called, by the system's loader and by NumPy
BROKEN_LIBRARY = re.compile(r"shared object|undefined symbol|version `\S+' not found|lib\S+\.so")

NO_SPACE = "Free some space and run the same command again"
NETWORK = "Check the network and the address, and run the same command again"
OTHER_FILE_SYSTEM = "Choose a folder on another disk"
FIXES = {
    # the path
    errno.ENOENT: "no such file. Check the path",
    errno.ENOTDIR: "a part of the path is a file, not a folder. Choose another path",
    errno.EISDIR: "this is a folder, a file is needed. Check the path",
    errno.EEXIST: "a file, or a link that leads nowhere, is in the way. Remove it, or choose "
    "another path",
    errno.ENOTEMPTY: "the folder is not empty. Empty it, or choose another path",
    errno.ELOOP: "its links lead in a circle. Mend the links",
    errno.ENAMETOOLONG: "the name is too long for this disk. Choose a shorter one",
    errno.EILSEQ: "this disk takes no such letters in a name. Choose another name",
    errno.EINVAL: "the system does not do this with such a file. Choose another path",
    # who may
    errno.EACCES: "no permission. Check who owns the folder and the file, or choose another path",
    errno.EPERM: "not permitted. Check who owns the folder and the file, or choose another path",
    errno.EROFS: "the disk is read-only. Choose another folder",
    # how much
    errno.ENOSPC: f"the disk is full. {NO_SPACE}",
    errno.EDQUOT: f"the disk quota is used up. {NO_SPACE}",
    errno.EFBIG: "the file would be larger than this machine allows. Raise the limit, `ulimit -f`",
    errno.EMFILE: "too many files are open in one process. Raise the limit, `ulimit -n`, and run "
    "the same command again",
    errno.ENFILE: "too many files are open on this machine. Run fewer jobs on it at a time",
    errno.EAGAIN: "no more processes or threads can be started. Raise the limit, `ulimit -u`, or "
    "run fewer jobs on this machine at a time",
    # the disk
    errno.EIO: "the disk, or the network that it is on, has a fault. Ask who runs the machine, and "
    "run the same command again",
    errno.ESTALE: "the network disk has lost the file. Run the same command again; if that does "
    "not help, ask who runs the machine",
    errno.ENOTCONN: "the network disk is not connected any more. Mount it again, and run the same "
    "command again",
    errno.EBUSY: "another program is using it. End that program, or wait for it",
    errno.ETXTBSY: "this program is running just now. Wait until it has ended",
    errno.ENOLCK: f"the disk gives no locks. {OTHER_FILE_SYSTEM}",
    errno.EOPNOTSUPP: f"the disk cannot do this. {OTHER_FILE_SYSTEM}",
    errno.ENOSYS: f"the disk cannot do this. {OTHER_FILE_SYSTEM}",
    errno.EXDEV: f"the two paths are on different disks. {OTHER_FILE_SYSTEM}",
    errno.EMLINK: f"there are too many links or folders here. {OTHER_FILE_SYSTEM}",
    # devices, pipes, programs
    errno.ENXIO: "nothing is at the other end of this device or pipe. Choose another path",
    errno.ENODEV: "there is no such device. Choose another path",
    errno.EPIPE: "what was reading the output has ended. Start it again, or write to a file",
    errno.ENOEXEC: "this is not a program for this machine. Install the right one",
    # the network
    errno.ETIMEDOUT: f"no answer came in time. {NETWORK}",
    errno.ECONNREFUSED: f"nobody answers there. {NETWORK}",
    errno.ECONNRESET: f"the connection was cut. {NETWORK}",
    errno.EHOSTUNREACH: f"the machine cannot be reached. {NETWORK}",
    errno.ENETUNREACH: f"the network cannot be reached. {NETWORK}",
}


class UserError(Exception):
    """A mistake the user can mend; the message names the thing and the fix."""


def explain(error: BaseException) -> str | None:
    """Return what to tell the user of an error: what is wrong, and how it is mended.

    Returns:
        The message, or None where the code is at fault: then its traceback is what is needed.
    """
    text = str(error).strip()
    match error:
        case UserError():
            return text
        case MemoryError():
            return _memory(error, text)
        # torch's own class derives from RuntimeError, and so do other failures
        case RuntimeError() | ImportError() | OSError() if OUT_OF_MEMORY.search(text):
            return _memory(error, text)
        case RuntimeError() if "can't start new thread" in text:
            return f"{FIXES[errno.EAGAIN]}."
        case ImportError():
            return _missing(error, text)
        case OSError():
            return _system(error, text)
    return None


@contextlib.contextmanager
def needing_memory(what: str) -> Iterator[None]:
    """Let the message say what memory was needed for, if it runs out inside the `with` block.

    Args:
        what: follows "out of memory while", such as "loading the images of data/digits".
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        error.add_note(what)
        raise


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean '...'?" for the closest known name, or the list of all."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(known) or 'none'}."


def lost(path: Path, otherwise: str) -> UserError:
    """Return the error of a path that leads nowhere: by which link, or else what it lacks."""
    return UserError(f"{path}: {_broken_link(path) or otherwise}")


def _broken_link(path: Path) -> str | None:
    """Return which link of a path leads nowhere, and what to do; None where each leads somewhere.

    In the image that is so of a link to a folder that was not bound, and the link is right.
    """
    try:
        path.stat()
    except FileNotFoundError:
        for part in (*reversed(path.parents), path):
            if part.is_symlink() and not part.exists():
                link = "a link" if part == path else f"{part} is a link"
                return f"{link} to {part.readlink()}, which is not there. {_mended(part)}."
    except OSError:  # such as links in a circle
        return None
    return None


def _mended(link: Path) -> str:
    if IN_IMAGE not in os.environ:
        return "Mend the link, or remove it"
    folder = link.parent / link.readlink()
    return (
        f"Jobs in the image see the project's folder alone: add `--bind {folder}` to apptainer-args"
    )


def _memory(error: BaseException, text: str) -> str:
    notes = getattr(error, "__notes__", [])  # the innermost block comes first
    doing = f" while {notes[0]}" if notes else ""
    asked = f" ({_line(text, OUT_OF_MEMORY)})" if text else ""
    return f"out of memory{doing}. {MORE_MEMORY}{asked}"


def _missing(error: ImportError, text: str) -> str | None:
    """Tell of a package that is not there, of another version, or that cannot be loaded."""
    package = (error.name or "").partition(".")[0]
    if package == __package__:
        return None
    if isinstance(error, ModuleNotFoundError) and package:
        return f"{package} is not installed for {sys.executable}. {GET_PACKAGES}"
    if package or BROKEN_LIBRARY.search(text):
        reason = _line(text, BROKEN_LIBRARY)
        return f"a package of {sys.executable} cannot be used: {reason}. {GET_PACKAGES}"
    return None


def _line(text: str, pattern: re.Pattern[str]) -> str:
    """Return the first line that a pattern is in, or else the first."""
    lines = text.splitlines()
    return next((line.strip() for line in lines if pattern.search(line)), lines[0])


def _system(error: OSError, text: str) -> str:
    reason = error.strerror or text.partition("\n")[0] or type(error).__name__
    fix = FIXES.get(error.errno or 0, f"{reason}. Check the path and the disk that it is on")
    path = error.filename
    if path is None:
        return f"{fix}."
    link = _broken_link(Path(str(path))) if error.errno in (errno.ENOENT, errno.EEXIST) else None
    return f"{path}: {link or f'{fix}.'}"
