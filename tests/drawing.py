"""Scripts that draw: what they write, and that they refuse in one message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from artefacts import command_line

from cogloat.errors import UserError

Main = Callable[[list[str]], None]


def arguments(folder: Path, flags: dict[str, Any]) -> list[str]:
    """Return the command line of a script that makes figure.pdf and figure.png in a folder."""
    numbers = {"numbers": folder / flags["numbers"]} if "numbers" in flags else {}
    given = {"pdf": folder / "figure.pdf", "png": folder / "figure.png"}
    return command_line(**flags | given | numbers)


def twice_the_same(main: Main, folder: Path, **flags: Any) -> dict[str, bytes]:
    """Draw into two folders; the files, which are returned by name, must be equal."""
    files = {}
    for name in ("first", "second"):
        main(arguments(folder / name, flags))
        files[name] = {path.name: path.read_bytes() for path in (folder / name).iterdir()}
    assert files["first"] == files["second"]
    assert {"figure.pdf", "figure.png"} <= files["first"].keys()
    return files["first"]


def refused(main: Main, folder: Path, message: str, **flags: Any) -> None:
    """Draw what cannot be drawn; it must end in the message, and write nothing."""
    with pytest.raises((UserError, FileNotFoundError)) as caught:
        main(arguments(folder / "refused", flags))
    error = caught.value
    text = str(error) if isinstance(error, UserError) else f"{error.filename}: no such file"
    assert text.startswith(message)
    assert not (folder / "refused").exists()
