"""Addresses that a file is downloaded from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

SCHEMES = ("http", "https", "file")


def file_name(address: str) -> str:
    """Return the name of the file that an address leads to."""
    return unquote(urlsplit(address).path).rpartition("/")[2]


def _of_a_file(address: str) -> str:
    """Return an address from which a file can be read.

    Raises:
        ValueError: saying what is wrong with it, and what to write.
    """
    try:
        _check(address)
    except ValueError as error:
        raise ValueError(f"{error}, but it is {address!r}. Change the value.") from None
    return address


def _check(address: str) -> None:
    if not re.match("[a-z][a-z0-9+.-]+:", address, re.IGNORECASE):
        raise ValueError(f"a path is no address; {_of_path(address)}")
    odd = re.search(r"[^!-~]", address)
    if odd:
        raise ValueError(
            f"character {odd.start() + 1} is {odd[0]!r}, which no address can have; write it as "
            "percent-encoded UTF-8, such as %20 for a space"
        )
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"not an address ({error})") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"'{parts.scheme}' is none of http, https and file")
    if "@" in parts.netloc:
        raise ValueError("an address with a user's name is not supported; leave out what ends in @")
    if parts.scheme == "file" and not (
        parts.netloc in ("", "localhost") and parts.path.startswith("/")
    ):
        raise ValueError(
            "a file's address is its whole path after file://, as in file:///a/b.tar.gz"
        )
    if parts.scheme != "file" and (not host or port == 0):
        raise ValueError("it names no host; write https://host/path")
    if file_name(address) in ("", ".", "..") or not file_name(address).isprintable():
        raise ValueError("it ends without a file's name; write that of the archive at its end")


def _of_path(path: str) -> str:
    return f"write {Path(path).absolute().as_uri()}"


FileAddress = Annotated[str, AfterValidator(_of_a_file)]
