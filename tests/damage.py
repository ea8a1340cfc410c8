"""What disks, networks and other programs do to files."""

from pathlib import Path


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file, write-protected or not; its size and mode stay."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(mode)


def with_header(content: bytes, old: bytes, new: bytes) -> bytes:
    """Return the file of a NumPy array whose header says something else, in as many bytes."""
    assert content.count(old) == 1
    longer = len(new) - len(old)
    changed = content.replace(old, new, 1)
    if longer > 0:
        return changed.replace(b" " * longer + b"\n", b"\n", 1)
    return changed.replace(b"\n", b" " * -longer + b"\n", 1)
