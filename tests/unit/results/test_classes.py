import json

import pytest

from cogloat.errors import UserError
from cogloat.results.classes import escaped, read_class_names

NAMES = ["cat", "a $dog$ | <b>", "Löwe, 獅子"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("store.json", json.dumps({"files": {}, "classes": NAMES})),
        ("names.txt", "\n".join(NAMES)),
        ("names.txt", "\ufeff" + "\r\n".join(NAMES) + "\r\n"),
    ],
)
def test_names_are_read_from_a_store_or_a_text(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert read_class_names(path, 3) == tuple(NAMES)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines\tand\r\x00", "two\\nlines\\tand\\r\\x00"),
        ("\udcff", "\\udcff"),  # a byte of a folder's name that is no UTF-8
        ("\u2028", "\\u2028"),
        (
            "çoğul می‌خواهم",
            "çoğul می‌خواهم",
        ),  # with a zero-width non-joiner, which is a letter's form
    ],
)
def test_name_is_one_line_that_any_file_can_hold(tmp_path, name, shown):
    assert escaped(name) == shown
    path = tmp_path / "store.json"
    path.write_text(json.dumps({"classes": [name]}))
    assert read_class_names(path, 1) == (shown,)
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("names.txt", "", "has 0 names, but there are 2 classes"),
        ("names.txt", "a\nb\nc\n", "has 3 names, but there are 2 classes"),
        ("names.txt", "a\n\n", "name 2 is empty. Write the name of label 1"),
        ("names.txt", "a\na\n", "name 2: 'a' is name 1 too. Give each class its own"),
        ("store.json", "{", "classes: not a list of names"),
        ("store.json", "[]", "classes: not a list of names"),
        ("store.json", "[" * 100_000, "classes: not a list of names"),
        ("store.json", "{}", "classes: not a list of names"),
        ("store.json", '{"classes": "ab"}', "classes: not a list of names"),
        ("store.json", '{"classes": [1, 2]}', "classes: not a list of names"),
    ],
)
def test_what_names_no_classes_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_class_names(path, 2)
    assert str(caught.value).startswith(f"{path}: {message}")
