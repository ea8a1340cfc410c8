"""How a function's end is a process's exit status, for tests' processes that fork."""

import sys
from collections.abc import Callable


def status_of(function: Callable, *arguments: object, **named: object) -> int:
    """Call a function and return the exit status of a process that ends as it does."""
    try:
        function(*arguments, **named)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    except BaseException:
        return status_of(sys.excepthook, *sys.exc_info()) or 1
    return 0
