"""Whether the `python` that jobs start has what they need, found out before the first of them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from cogloat.errors import UserError
from cogloat.fingerprint import packages

FIND = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if not u.find_spec(n)])"
MAKE = (
    "Install them with `make env TORCH=lock` (`TORCH=cpu` where there is no GPU), or run in the "
    "image: `snakemake --sdm apptainer`."
)


def check_environment(scripts: Iterable[Path]) -> None:
    """Check that `python` has every package that some scripts import.

    Raises:
        UserError: if there is no such command, or packages are missing, with what to do.
    """
    needed = {script: packages(script) for script in sorted(scripts)}
    if not needed:
        return
    python = shutil.which("python")
    if python is None:
        raise UserError(f"python: there is no such command. {_activate()}")
    names = sorted(set().union(*needed.values()))
    done = subprocess.run([python, "-c", FIND, *names], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError(f"{python}: it does not start: {reason}. {_activate()}")
    missing = done.stdout.split()
    if missing:
        of = ", ".join(str(script) for script, own in needed.items() if own & set(missing))
        here = all(importlib.util.find_spec(name) for name in missing)
        fix = _activate() if here else MAKE
        raise UserError(f"{python} lacks {', '.join(missing)}, needed by {of}. {fix}")


def _activate() -> str:
    """Say how the environment that this process runs in becomes the one of `python`."""
    script = Path(sys.prefix, "bin", "activate")
    if script.is_file():
        return f"Activate the environment: `. {script}`."
    return f"Put the environment first: `export PATH={Path(sys.executable).parent}:$PATH`."
