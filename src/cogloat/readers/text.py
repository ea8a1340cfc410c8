"""Text files: UTF-8 on every machine, whatever its locale says."""

from __future__ import annotations

import codecs
from pathlib import Path

from cogloat.errors import UserError

OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
SAVE_IT = "Save it as UTF-8."


def read_text(path: Path | str, fix: str = SAVE_IT) -> str:
    """Read a text file; a UTF-8 byte-order mark at its beginning is passed over.

    Args:
        path: the file.
        fix: what to do about other text; another where no person writes the file.

    Raises:
        OSError: if it is missing or cannot be read.
        UserError: if it is not UTF-8, naming the line and, where it is known, the encoding.
    """
    data = Path(path).read_bytes()
    for mark, encoding in OTHER_MARKS.items():
        if data.startswith(mark):
            raise UserError(f"{path}: the text is {encoding}, not UTF-8. {fix}")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}: line {line}: byte 0x{data[error.start]:02x} is not UTF-8; the text may be "
            f"Latin-1. {fix}"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(
            f"{path}: line {line}: has a NUL byte, so it is no text file, or is UTF-16 without a "
            f"mark. {fix}"
        )
    return text
