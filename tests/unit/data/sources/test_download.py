"""Downloads from a server on this machine that does all that servers do."""

import errno
import hashlib
import os
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cogloat.data.sources import transfer
from cogloat.data.sources.download import fetch
from cogloat.errors import UserError

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: %d\r\n\r\n" % len(CONTENT)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def moved(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def failed(code: int, reason: str) -> bytes:
    return f"HTTP/1.1 {code} {reason}\r\nContent-Length: 3\r\n\r\nno.".encode()


# path -> what the server sends; at a part that is None it waits
ANSWERS: dict[str, list[bytes | None]] = {
    "good": [WHOLE + CONTENT],
    "chunked": [CHUNKED, b"%x\r\n" % len(CONTENT), CONTENT, b"\r\n0\r\n\r\n"],
    "until_closed": [OK + b"\r\n" + CONTENT],
    "moved": [moved("/good")],
    "more": [WHOLE + CONTENT + b"more than was promised"],
    "stall": [WHOLE + CONTENT[:100_000], None],
    "silent": [None],
    "half_a_head": [OK[:10], None],
    "short": [WHOLE + CONTENT[:100_000]],
    "nothing": [WHOLE],
    "cut": [CHUNKED, b"10000\r\n" + CONTENT[:30_000]],
    "cut_at_a_chunk": [CHUNKED, b"100\r\n" + CONTENT[:256] + b"\r\n"],
    "no_chunk": [CHUNKED, b"what is this?\r\n" + CONTENT],
    "other": [WHOLE + CONTENT[::-1]],
    "page": [OK + b"\r\n<html>Please log in</html>"],
    "empty": [OK + b"Content-Length: 0\r\n\r\n"],
    "vast": [OK + b"Content-Length: 99999999999\r\n\r\n" + CONTENT, None],
    "closed": [],
    "ssh": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "noise": [CONTENT],
    "heads": [OK + b"X: y\r\n" * 200],
    "404": [failed(404, "Not Found")],
    "403": [failed(403, "Forbidden")],
    "500": [failed(500, "Internal Server Error")],
    "circle": [moved("/circle")],
    "to_a_file": [moved("file:///etc/passwd")],
    "to_ftp": [moved("ftp://127.0.0.1/good")],
    "to_nowhere": [moved("")],
    "to_closed": [moved("http://127.0.0.1:1/good")],
}
DRIPS = {"drip": WHOLE, "drip_of_a_head": b"", "drip_of_chunks": CHUNKED}


class Answer(socketserver.StreamRequestHandler):
    """One request and what is sent for it."""

    over = threading.Event()

    def handle(self) -> None:
        """Answer."""
        asked = self.rfile.readline()
        if not asked.startswith(b"GET "):  # a greeting that wants a secure connection
            self.wfile.write(failed(400, "Bad Request"))
            return
        name = asked.split()[1].decode().strip("/")
        while self.rfile.readline().strip():
            pass
        try:
            if name in DRIPS:
                self.wfile.write(DRIPS[name])
                drop = OK if name == "drip_of_a_head" else b"1" * 99
                for byte in drop:
                    self.wfile.write(bytes([byte]))
                    self.over.wait(0.1)
            for part in ANSWERS.get(name, []):
                if part is None:
                    self.over.wait(20)
                else:
                    self.wfile.write(part)
        except ConnectionError:
            pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        Answer.over.set()
        running.shutdown()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def refused(url: str, folder: Path, timeout: float = 5) -> str:
    """Return what is said of a download that fails; nothing may be left of it."""
    started = time.monotonic()
    with pytest.raises(UserError) as error:
        fetch(url, SHA256, timeout, folder / "archive.tar.gz")
    assert time.monotonic() - started < timeout + 2
    assert not list(folder.iterdir())
    message = str(error.value)
    assert message.startswith(f"{url}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["good", "chunked", "until_closed", "moved", "more"])
def test_file_that_comes_whole_is_kept(server, tmp_path, name):
    path = tmp_path / "raw" / "archive.tar.gz"
    fetch(f"{server}/{name}", SHA256, 5, path)
    assert path.read_bytes() == CONTENT
    assert [*path.parent.iterdir()] == [path]
    fetch("http://127.0.0.1:1/never asked", SHA256, 5, path)


CUT = "cannot be downloaded: the connection was cut"
NO_WEB = "cannot be downloaded: what answers is no web server, or a broken one."
OTHER = "the download is corrupt, or another file: it has"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "short",
            f"{CUT} before the 512,000 bytes promised (after 100,000 bytes). Try again, set",
        ),
        ("nothing", f"{CUT} before the 512,000 bytes promised. Try again"),
        (
            "cut",
            f"{CUT} (after 30,000 bytes). Try again, set source.url to a mirror, or put the file",
        ),
        ("cut_at_a_chunk", f"{CUT} (after 256 bytes)."),
        ("no_chunk", CUT),
        ("closed", CUT),
        ("other", f"{OTHER} 512,000 bytes and the SHA-256 "),
        (
            "other",
            f", not {SHA256}. Try again, set source.url to a mirror, or correct source.sha256.",
        ),
        ("page", f"{OTHER} 26 bytes and"),
        ("empty", f"{OTHER} 0 bytes and"),
        ("vast", "it has more than 1,000,000,000 bytes, which no archive has"),
        ("ssh", NO_WEB),
        ("noise", NO_WEB),
        ("heads", NO_WEB),
        ("404", "cannot be downloaded: the server answers 404 Not Found."),
        ("403", "cannot be downloaded: the server answers 403 Forbidden."),
        ("500", "cannot be downloaded: the server answers 500 Internal Server Error."),
        ("circle", "cannot be downloaded: the server redirects in a circle."),
        ("to_a_file", "Redirection to url 'file:///etc/passwd' is not allowed"),
        ("to_ftp", "the server redirects to ftp://127.0.0.1/good, which is no address of the web"),
        ("to_nowhere", "cannot be downloaded: "),
        ("to_closed", "cannot be downloaded: the connection is refused"),
    ],
)
def test_what_a_server_does_is_told_in_one_line_and_leaves_nothing(server, tmp_path, name, words):
    assert words in refused(f"{server}/{name}", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stall", "silent", "half_a_head", *DRIPS])
def test_server_that_stands_still_or_drips_is_given_up(server, tmp_path, name):
    message = refused(f"{server}/{name}", tmp_path, timeout=0.4)
    assert "nothing, or too little, came for 0.4 s (source.timeout)" in message


@pytest.mark.slow
def test_slow_disk_is_not_taken_for_a_slow_server(server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "BLOCK", 50_000)
    blocks = transfer.blocks(f"{server}/good", timeout=0.3)
    assert len(next(blocks)[0]) <= 50_000
    time.sleep(0.5)
    assert sum(len(block) for block, _ in blocks) >= len(CONTENT) - 50_000


def test_more_than_any_archive_has_is_not_taken_whatever_was_promised(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr(transfer, "LARGEST", 200_000)
    assert "it has more than 200,000 bytes" in refused(f"{server}/until_closed", tmp_path)


def test_machine_without_the_server_is_told(server, tmp_path, monkeypatch):
    assert "the connection is refused" in refused("http://127.0.0.1:1/a.tar.gz", tmp_path)
    address = server.replace("http://", "https://")
    assert "there is no secure connection (" in refused(f"{address}/good", tmp_path)

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "the host's name is unknown" in refused("http://example.invalid/a.tar.gz", tmp_path)


def test_proxy_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:1")
    message = refused("http://example.org/a.tar.gz", tmp_path)
    assert (
        "the connection is refused, through the proxy 127.0.0.1:1 that the environment" in message
    )
    assert "secret" not in message


def test_file_of_an_address_is_copied_or_its_absence_told(tmp_path):
    (tmp_path / "mirror").mkdir()
    archive = tmp_path / "mirror" / "an archive.tar.gz"
    folder = tmp_path / "raw"
    folder.mkdir()
    message = refused(archive.as_uri(), folder)
    assert "cannot be downloaded: No such file or directory. Correct source.url, or put" in message
    assert "Is a directory" in refused((tmp_path / "mirror").as_uri(), folder)
    archive.write_bytes(CONTENT)
    fetch(archive.as_uri(), SHA256, 5, folder / "archive.tar.gz")
    assert (folder / "archive.tar.gz").read_bytes() == CONTENT


def test_another_file_at_its_place_is_named_and_not_touched(server, tmp_path):
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(b"mine")
    with pytest.raises(UserError) as error:
        fetch(f"{server}/good", SHA256, 5, path)
    own = hashlib.sha256(b"mine").hexdigest()
    assert f"{path}: not the file that source.sha256 names: it has 4 bytes" in str(error.value)
    assert f"the SHA-256 {own}, not {SHA256}. It is not touched; delete it" in str(error.value)
    assert path.read_bytes() == b"mine"


@pytest.mark.slow
def test_full_disk_is_the_disks_error_and_not_the_servers(server, tmp_path, monkeypatch):
    class Full:
        def write(self, block: bytes) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "archive.tar.gz")

    module = "cogloat.data.sources.download.write_atomically"
    monkeypatch.setattr(module, lambda path, write: write(Full()))
    with pytest.raises(OSError, match="No space left"):
        fetch(f"{server}/good", SHA256, 5, tmp_path / "archive.tar.gz")


@pytest.mark.slow
def test_downloads_of_one_file_at_once_end_in_that_file(server, tmp_path):
    path = tmp_path / "archive.tar.gz"
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(fetch, f"{server}/good", SHA256, 5, path) for _ in range(8)]:
            done.result()
    assert path.read_bytes() == CONTENT
    assert [*tmp_path.iterdir()] == [path]
