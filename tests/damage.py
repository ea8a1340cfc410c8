"""What disks and networks do to files."""

from pathlib import Path


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file, write-protected or not; its size and mode stay."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(mode)
