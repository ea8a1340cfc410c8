"""A Python process that finds this package, to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cogloat
from cogloat.errors import UserError

SOURCE = Path(cogloat.__file__).parents[1]


def run(*arguments: object, given: bytes = b"") -> bytes:
    """Run Python; return what it writes.

    Raises:
        UserError: if it fails, with its last line.
    """
    command = [sys.executable, *map(str, arguments)]
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise UserError(f"a process of the bench failed ({Path(command[1]).name}): {last}")
    return done.stdout
