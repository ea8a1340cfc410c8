"""Text is UTF-8 on every machine; what is not says so, with its line."""

import pytest

from cogloat.errors import UserError
from cogloat.readers.text import read_text


def test_a_mark_and_letters_beyond_ascii_are_read(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("﻿vögel/ä.png 0\r\n".encode())

    assert read_text(path) == "vögel/ä.png 0\r\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("a 0\n".encode("utf-16"), ["UTF-16", "Save it as UTF-8"]),
        ("a 0\n".encode("utf-16-be"), ["line 1", "NUL"]),
        ("a 0\n".encode("utf-32"), ["UTF-32"]),
        ("a 0\nvögel 1\n".encode("latin-1"), ["line 2", "0xf6", "Latin-1"]),
        (b"a 0\nb\0 1\n", ["line 2", "NUL"]),
        (b"a 0\n\xff\n", ["line 2", "0xff"]),
    ],
)
def test_what_is_not_utf8_is_told(tmp_path, data, words):
    path = tmp_path / "list.txt"
    path.write_bytes(data)

    with pytest.raises(UserError) as told:
        read_text(path)

    assert all(word in str(told.value) for word in [str(path), *words])
