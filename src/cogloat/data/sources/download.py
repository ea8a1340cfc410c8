"""Downloads that end: with a whole and verified file, or with one message and nothing left."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from cogloat.data.sources.transfer import BrokenTransfer, blocks
from cogloat.errors import UserError
from cogloat.files import sha256 as sha256_of
from cogloat.files import write_atomically


def fetch(url: str, sha256: str, timeout: float, path: Path) -> None:
    """Make sure that a file is there and is the right one; download it where none is there.

    Args:
        url: where it comes from: http, https or file.
        sha256: of the file.
        timeout: seconds that the download may stand still.
        path: where it is, or goes.

    Raises:
        UserError: if it cannot be had, or is another file. What lies at `path` is not touched.
        OSError: if it cannot be written.
    """
    if not path.exists():
        write_atomically(path, lambda file: _receive(url, sha256, timeout, path, file))
    elif (found := sha256_of(path)) != sha256:
        raise UserError(
            f"{path}: not the file that source.sha256 names: it has {path.stat().st_size:,} bytes "
            f"and the SHA-256 {found}, not {sha256}. It is not touched; delete it, or correct "
            "source.sha256."
        )


def _receive(url: str, sha256: str, timeout: float, path: Path, file: BinaryIO) -> None:
    digest, count = hashlib.sha256(), 0
    fix = "Try again, set source.url to a mirror"
    if url.startswith("file"):
        fix = "Correct source.url"
    bar = tqdm(desc=f"download {path.name}", unit="B", unit_scale=True, disable=None)
    try:
        for block, bar.total in blocks(url, timeout):
            digest.update(block)
            file.write(block)
            count += len(block)
            bar.update(len(block))
    except BrokenTransfer as error:
        after = f" (after {count:,} bytes)" if count else ""
        raise UserError(
            f"{url}: cannot be downloaded: {error}{after}. {fix}, or put the file at {path}."
        ) from None
    finally:
        bar.close()
    if digest.hexdigest() != sha256:
        raise UserError(
            f"{url}: the download is corrupt, or another file: it has {count:,} bytes and the "
            f"SHA-256 {digest.hexdigest()}, not {sha256}. {fix}, or correct source.sha256."
        )
