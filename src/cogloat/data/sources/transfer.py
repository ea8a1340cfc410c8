"""The bytes behind an address, as long as they come; whatever goes wrong is one kind of error."""

from __future__ import annotations

import http.client
import queue
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

BLOCK = 2**20  # bytes
LEAST_RATE = 10_000  # bytes a second; a slower server is given up
LARGEST = 10**9  # bytes; an archive that is fetched has a fifth of them

Block: TypeAlias = tuple[bytes, int | None]  # with the bytes of all, where that is known


class BrokenTransfer(Exception):  # noqa: N818
    """Why it did not come to its end."""


def blocks(url: str, timeout: float) -> Iterator[Block]:
    """Yield what an address holds, until all of it came.

    Args:
        url: of http, https or file.
        timeout: seconds to wait for the first byte, and between bytes.

    Raises:
        BrokenTransfer: if it cannot be read to its end, or stands still.
    """
    count, total = 0, None
    try:
        for block, total in _in_time(_read(url, timeout), timeout):
            count += len(block)
            if max(count, total or 0) > LARGEST:
                raise BrokenTransfer(f"it has more than {LARGEST:,} bytes, which no archive has")
            yield block, total
    except Exception as error:  # a server can make the library raise much
        raise BrokenTransfer(_reason(error, timeout) + _proxy(url)) from None
    if total is not None and count < total:
        raise BrokenTransfer(f"the connection was cut before the {total:,} bytes promised")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to other web servers, and nowhere else."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        """Refuse what the library would follow beside http and https: ftp."""
        url = arguments[-1]
        if urlsplit(url).scheme not in ("http", "https"):
            raise BrokenTransfer(f"the server redirects to {url}, which is no address of the web")
        return super().redirect_request(*arguments)


def _read(url: str, timeout: float) -> Iterator[Block]:
    if urlsplit(url).scheme == "file":
        path = Path(urllib.request.url2pathname(urlsplit(url).path))
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                yield block, path.stat().st_size
        return
    request = urllib.request.Request(url, headers={"User-Agent": "cogloat"})
    with urllib.request.build_opener(_Redirects).open(request, timeout=timeout) as answer:
        total = answer.length  # counts down as it is read
        while block := answer.read1(BLOCK):
            yield block, total
        yield b"", total


def _in_time(source: Iterator[Block], timeout: float) -> Iterator[Block]:
    """Yield what another thread reads, as long as it comes fast enough.

    A socket's own timeout begins anew with each byte, so that a server could hold it for ever.
    Here each byte buys time, at the least rate and up to the timeout.

    Raises:
        TimeoutError: if the time is used up.
    """
    handed: queue.Queue[Block | Exception | None] = queue.Queue(maxsize=1)
    given_up = threading.Event()

    def read() -> None:
        try:
            for block in source:
                handed.put(block)
                if given_up.is_set():
                    return
            handed.put(None)
        except Exception as error:
            handed.put(error)

    threading.Thread(target=read, daemon=True).start()
    left = timeout
    try:
        while True:
            asked = time.monotonic()
            try:
                block = handed.get(timeout=max(0.0, left))
            except queue.Empty:
                raise TimeoutError from None
            if block is None:
                return
            if isinstance(block, Exception):
                raise block
            left -= time.monotonic() - asked
            left = min(timeout, left + len(block[0]) / LEAST_RATE)
            yield block
    finally:
        given_up.set()
        with suppress(queue.Empty):  # where the thread waits to hand over one more
            handed.get_nowait()


def _reason(error: BaseException, timeout: float) -> str:
    """Return what went wrong, in words."""
    match error:
        case BrokenTransfer():
            return str(error)
        case URLError(reason=BaseException() as reason) if not isinstance(error, HTTPError):
            return _reason(reason, timeout)
        case TimeoutError():
            return f"nothing, or too little, came for {timeout:g} s (source.timeout)"
        case HTTPError() if "infinite loop" in error.msg:
            return "the server redirects in a circle"
        case HTTPError():
            return f"the server answers {error.code} {error.reason}".rstrip()
        case socket.gaierror():
            return "the host's name is unknown"
        case ConnectionRefusedError():
            return "the connection is refused"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"there is no secure connection ({error.reason})"
        case ConnectionError() | http.client.IncompleteRead():
            return "the connection was cut"
        case http.client.HTTPException():
            return "what answers is no web server, or a broken one"
        case OSError(strerror=str(reason)):
            return reason
    return " ".join(str(error).split()) or type(error).__name__


def _proxy(url: str) -> str:
    """Return which proxy stands before a server, if the environment names one."""
    address = urlsplit(url)
    proxy = urllib.request.getproxies().get(address.scheme)
    if proxy is None or urllib.request.proxy_bypass(address.netloc):
        return ""
    return f", through the proxy {proxy.rpartition('@')[2]} that the environment names"
