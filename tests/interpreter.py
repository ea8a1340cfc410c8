"""Runs the project's scripts by forks of one process that has imported their libraries already.

That is most of what a tiny job takes; the project's own modules are imported by each fork. Takes a
path for its socket, and ends with its standard input. tests/bin/python asks it.
"""

import atexit
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from exits import status_of

sys.path.pop()  # a script has its own folder

LIBRARIES = ("matplotlib.pyplot", "pandas", "rich", "scipy.stats", "torch", "torchvision", "tqdm")


def run(folder: str, environment: dict[str, str], arguments: list[str]) -> int:
    """Run a script as `python` would, and return its exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
    status = status_of(runpy.run_path, arguments[0], run_name="__main__")
    atexit._run_exitfuncs()
    return status


def answer(connection: socket.socket) -> None:
    """Run what is asked for with the streams of who asks, and tell its exit status."""
    request, streams, _, _ = socket.recv_fds(connection, 1 << 18, 3)
    for stream, descriptor in enumerate(streams):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    status = 1
    try:
        status = run(*json.loads(request))
    except BaseException:
        traceback.print_exc()
    finally:
        for written in (sys.stdout, sys.stderr):
            written.flush()
        connection.send(str(status).encode())
        os._exit(status)


for library in LIBRARIES:
    importlib.import_module(library)
listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listening.bind(sys.argv[1])
listening.listen()
print(flush=True)  # ready
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks are waited for by who asked
waiting = selectors.DefaultSelector()
waiting.register(sys.stdin, selectors.EVENT_READ)
waiting.register(listening, selectors.EVENT_READ)
while not any(key.fileobj is sys.stdin for key, _ in waiting.select()):
    asking, _ = listening.accept()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        listening.close()
        answer(asking)
    asking.close()
