"""Runs Snakemake by forks of one process that has imported it already: half of a dry-run's time.

Reads a JSON list a line: folder, file for the output, arguments. Prints the exit status of each.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import snakemake.cli

sys.path.append(str(Path(__file__).parent))

from exits import status_of

snakemake.cli.get_argument_parser()  # imports every plug-in, which is a part of each start


def plan(root: str, output: str, *arguments: str) -> int:
    """Run Snakemake as its command would, and return its exit status."""
    os.chdir(root)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.argv = ["snakemake", *arguments]
    return status_of(snakemake.cli.main)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = plan(*json.loads(line))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(ended), flush=True)
