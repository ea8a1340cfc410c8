"""YAML and JSON mean one thing to everyone, or are refused in one line that says what to write."""

import datetime
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scripts import REPO

from cogloat.errors import UserError
from cogloat.readers.documents import plain, read_document
from cogloat.readers.strict_yaml import dump_yaml, parse_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]\n"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def read(folder: Path, text: str | bytes, name: str = "ce.yaml") -> dict:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path)


def refused(folder: Path, text: str | bytes, words: str, name: str = "ce.yaml") -> None:
    with pytest.raises(UserError) as told:
        read(folder, text, name)
    message = str(told.value)
    assert message.startswith(f"{folder / name}: {words}")
    assert "\n" not in message
    assert message.endswith(".")


# --- YAML ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: -2\nc: +3\n", {"a": 1, "b": -2, "c": 3}),
        ("a: 1.0e-3\nb: .5\nc: 1.\nd: 2.5e+3\n", {"a": 0.001, "b": 0.5, "c": 1.0, "d": 2500.0}),
        ("a: true\nb: FALSE\nc: y\nd: n\n", {"a": True, "b": False, "c": "y", "d": "n"}),
        ("a:\nb: ~\nc: null\nd: ''\n", {"a": None, "b": None, "c": None, "d": ""}),
        ("a: 'off'\nb: \"1e-3\"\nc: '2024-01-01'\n", {"a": "off", "b": "1e-3", "c": "2024-01-01"}),
        ("a: 0x10\n", {"a": 16}),
        ("a: &x [1, 2]\nb: *x\nc: {d: *x}\n", {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}),
        ("a: &x 0.1\nb: [*x, *x]\n", {"a": 0.1, "b": [0.1, 0.1]}),
        ("a: >-\n  one\n  line\n", {"a": "one line"}),
        ("'5': a\n'off': b\n'<<': c\n", {"5": "a", "off": "b", "<<": "c"}),
        ("---\na: 1\n", {"a": 1}),
        (b"\xef\xbb\xbfa: \xc3\xa4\r\nb: 2\r\n", {"a": "ä", "b": 2}),
        ('a: "\\ud834\\udd1e"\n', {"a": "𝄞"}),
        ("# nothing but a comment\n{}\n", {}),
    ],
)
def test_yaml_that_means_one_thing_is_read(tmp_path, text, value):
    found = read(tmp_path, text)
    assert found == value
    assert repr(found) == repr(value)  # 1 is not 1.0, nor true


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        # keys
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice, in lines 1 and 3. Remove one."),
        (
            "x:\n  - y: 1\n    z: 2\n    y: 3\n",
            "line 4: the key 'y' is there twice, in lines 2 and 4",
        ),
        ("{a: 1, 'a': 2}\n", "line 1: the key 'a' is there twice"),
        ("a:\n  1: x\n", "line 2: the key 1 is not text. Put it in quotes."),
        ("1.5: x\n", "line 1: the key 1.5 is not text. Put it in quotes."),
        ("true: x\n", "line 1: the key true is not text. Put it in quotes."),
        ("~: x\n", "line 1: a key is missing before ':'."),
        ("2024-01-01: x\n", "line 1: `2024-01-01` is a date in YAML 1.1 and text in YAML 1.2. Put"),
        ("off: x\n", "line 1: `off` is false in YAML 1.1 and text in YAML 1.2."),
        ("? [a, b]\n: x\n", "line 1: a key is not text."),
        ("a: &x b\n*x : c\n", "line 2: a key is not text."),
        ("<<: {a: 1}\n", "line 1: `<<` is not read. Write out the keys that it stands for."),
        # values on which YAML's versions disagree
        (
            "lr: 1e-3\n",
            "line 1: `1e-3` is text in YAML 1.1 and 0.001 in YAML 1.2. Write 1.0e-3, or",
        ),
        ("lr: 1E3\n", "line 1: `1E3` is text in YAML 1.1 and 1000.0 in YAML 1.2. Write 1.0e+3, or"),
        ("lr: 1.5e3\n", "line 1: `1.5e3` is text in YAML 1.1 and 1500.0 in YAML 1.2. Write 1.5e+3"),
        ("lr: -.5\n", "line 1: `-.5` is text in YAML 1.1 and -0.5 in YAML 1.2. Write -0.5, or put"),
        (
            "a: off\n",
            "line 1: `off` is false in YAML 1.1 and text in YAML 1.2. Write false, or put",
        ),
        (
            "a: [Yes]\n",
            "line 1: `Yes` is true in YAML 1.1 and text in YAML 1.2. Write true, or put",
        ),
        ("a: 012\n", "line 1: `012` is 10 in YAML 1.1 and 12 in YAML 1.2. Write 10 or 12, or put"),
        ("a: 09\n", "line 1: `09` is text in YAML 1.1 and 9 in YAML 1.2. Write 9, or put text in"),
        ("a: 0o17\n", "line 1: `0o17` is text in YAML 1.1 and 15 in YAML 1.2. Write 15, or put"),
        ("a: 0b11\n", "line 1: `0b11` is 3 in YAML 1.1 and text in YAML 1.2. Write 3, or put text"),
        ("a: 1_000\n", "line 1: `1_000` is 1000 in YAML 1.1 and text in YAML 1.2. Write 1000, or"),
        ("a: 1:30\n", "line 1: `1:30` is 90 in YAML 1.1 and text in YAML 1.2. Write 90, or put"),
        ("a: 1:30.5\n", "line 1: `1:30.5` is 90.5 in YAML 1.1 and text in YAML 1.2. Write 90.5"),
        ("a: 2024-01-01\n", "line 1: `2024-01-01` is a date in YAML 1.1 and text in YAML 1.2. Put"),
        ("a: 2024-01-01 10:00:00\n", "line 1: `2024-01-01 10:00:00` is a date in YAML 1.1"),
        ("a: =\n", "line 1: `=` is a sign in YAML 1.1 and text in YAML 1.2. Put it in quotes."),
        ("a: 0x_\n", "line 1: there is no such number."),
        (f"a: {'9' * 5000}\n", "line 1: there is no such number."),
        # values that nothing can hold
        ("x:\n  a: .nan\n", "x.a: nan is not a finite number. Change it."),
        ("a: [1, -.inf]\n", "a.1: -inf is not a finite number. Change it."),
        ("a: 1.0e+999\n", "a: inf is not a finite number. Change it."),
        (f"a: {'9' * 30}\n", "a: the number is too large, it has more than 64 bits."),
        ('a: "x\\0"\n', "a: the text has a NUL character."),
        ('a: "\\ud800"\n', "a: half of a surrogate pair is no letter."),
        # tags, anchors, documents
        ("a: !!python/object:os.x {}\n", "line 1: the tag '!!python/object:os.x' is not read."),
        ("a: !!binary aGk=\n", "line 1: the tag '!!binary' is not read. Remove it."),
        ("a: !!set {b}\n", "line 1: the tag '!!set' is not read. Remove it."),
        ("a: !mine b\n", "line 1: the tag '!mine' is not read. Remove it."),
        ("a: *b\n", "line 1: *b: no line before has &b. Add one."),
        ("a: &a\n  - [*a]\n", "line 2: *a stands within &a. Remove it."),
        ("&a {b: *a}\n", "line 1: *a stands within &a. Remove it."),
        ("a: &x 1\nb: &x 2\n", "line 2: &x is there twice. Rename one."),
        (BOMB, "line 6: the file is longer than 1000000 letters. Use fewer aliases."),
        ("a: 1\n---\nb: 2\n", "line 2: a second document begins. Leave one, without `---`."),
        ("a: " + "[" * 100_000, "line 1: sections are nested more than 50 deep."),
        ("".join(f"{' ' * n}a:\n" for n in range(2000)), "line 52: sections are nested more than"),
        # what is no document
        ("", "line 1: the file is empty. Write `key: value` lines."),
        ("# nothing\n", "line 2: the file is empty."),
        ("---\n", "holds nothing, not keys. Write `key: value` lines."),
        ("[1, 2]\n", "holds a list, not keys. Write `key: value` lines."),
        ("text\n", "holds text, not keys."),
        ("7\n", "holds the number 7, not keys."),
        # what is no YAML
        (
            "a: [1\nb: 2\n",
            "line 2: not valid YAML: a comma or a closing bracket of line 1 is missing.",
        ),
        ("a: {b: 1\n", "line 2: not valid YAML: a bracket or a quote of line 1 is not closed. Clo"),
        ("a: 'b\nc: 1\n", "line 3: not valid YAML: a bracket or a quote of line 1 is not closed."),
        ("a:\n\tb: 1\n", "line 2: not valid YAML: a tab stands where only spaces may. Replace it"),
        ("a:\tb\n", "line 1: not valid YAML: a tab stands where only spaces may."),
        ("a: b: c\n", "line 1: not valid YAML: there is a second ': '"),
        ("a: 1\n b: 2\n", "line 2: not valid YAML: there is a second ': ', or another indentation"),
        ("a:\n  b: 1\n c: 2\n", "line 3: not valid YAML: it does not begin, or is not indented"),
        ("a: 1\nb\nc: 2\n", "line 3: not valid YAML: there is no ': ' after the key."),
        ("a: @b\n", "line 1: not valid YAML: text that begins like this needs quotes."),
        ("a: *\n", "line 1: not valid YAML: `&` and `*` begin a name. Put text that has them in"),
        ('a: "\\d"\n', "line 1: not valid YAML: there is no such escape. Use single quotes"),
        ('a: 1\nb: "\\UFFFFFFFF"\n', "line 2: not valid YAML: there is no such escape."),
        ("a: 1\nb: \x07\n", "line 2: has a character that cannot be printed. Remove it."),
        ("a: 1\n".encode("utf-16"), "the text is UTF-16, not UTF-8. Save it as UTF-8."),
        ("a: ä\n".encode("latin-1"), "line 1: byte 0xe4 is not UTF-8; the text may be Latin-1."),
    ],
)
def test_yaml_that_misleads_is_refused_with_the_line(tmp_path, text, words):
    refused(tmp_path, text, words)


WORDS = ["0841179", "12e4567", "1:30", "off", "2024-01-01", "<<", "=", "~", "", "null", "1_0", "é "]


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text(string.ascii_letters, min_size=1),
        st.one_of(
            st.sampled_from(WORDS),
            st.text(string.printable),
            st.text("0123456789eE.:_+-xob"),
            st.integers(-(2**62), 2**62),
            st.floats(allow_nan=False, allow_infinity=False),
            st.booleans(),
            st.none(),
        ),
        min_size=1,
    )
)
def test_what_is_written_is_read_as_it_was(document):
    assert repr(parse_yaml("a.yaml", dump_yaml(document))) == repr(document)


def test_text_that_is_parsed_once_is_a_value_of_its_own_for_each_reader(tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text("a: &one {b: [1, 2]}\nc: *one\n")
    parsed = parse_yaml.cache_info().misses
    first = read_document(file)
    first["a"]["b"].append(3)
    first["d"] = None
    assert read_document(file) == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert parse_yaml.cache_info().misses == parsed + 1
    file.write_text("a: 2\n")
    assert read_document(file) == {"a": 2}


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: no such file\. Check the path\."):
        read_document(tmp_path / "none.yaml")


def test_folder_in_place_of_a_file_is_an_error_of_the_machine(tmp_path):
    with pytest.raises(OSError, match="directory"):
        read_document(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted((REPO / "config").rglob("*.yaml")), ids=str)
def test_shipped_file_is_read_as_ever(file):
    assert repr(read_document(file)) == repr(yaml.safe_load(file.read_text()))


# --- JSON ---


def test_json_is_read_as_json(tmp_path):
    text = '{"lr": 1e-6,\t"name": "off", "day": "2024-01-01", "more": [null, true, {"a": 012}]}'
    found = read(tmp_path, text.replace("012", "12"), "config.json")
    assert found == {
        **{"lr": 1e-6, "name": "off", "day": "2024-01-01"},
        "more": [None, True, {"a": 12}],
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "a.b: the key is there twice. Mend the line."),
        ('[{"a": 1, "a": 2}]', "0.a: the key is there twice."),
        ('{"a": [1, NaN]}', "a.1: nan is not a finite number."),
        ('{"a": -Infinity}', "a: -inf is not a finite number."),
        ('{"a": 1e999}', "a: inf is not a finite number."),
        (f'{{"a": {"9" * 30}}}', "a: the number is too large, it has more than 64 bits."),
        (f'{{"a": {"9" * 5000}}}', "a number is too large, it has more than 64 bits."),
        ('{"a": "\\ud800"}', "a: half of a surrogate pair is no letter."),
        ("[" * 100_000, "it is nested more than 50 deep."),
        ('{"a":' * 60 + "1" + "}" * 60, "a.a.a.a.a.a.a.a.a: it is nested more than 50 deep."),
        ("", "line 1: not valid JSON: Expecting value."),
        ('{\n"a": 1,\n}', "line 3: not valid JSON: "),
        ("a: 1\n", "line 1: not valid JSON: Expecting value."),
        ('{"a": 1}\n{"a": 2}', "line 2: not valid JSON: Extra data."),
        ("[]", "holds a list, not keys."),
        ("null", "holds nothing, not keys."),
        (b'{"a": "\xff"}', "line 1: byte 0xff is not UTF-8"),
    ],
)
def test_json_that_misleads_is_refused(tmp_path, text, words):
    refused(tmp_path, text, words, "config.json")


# --- what another parser has read ---


def circle() -> list:
    inner: list = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            {"a": {"b": datetime.date(2024, 1, 1)}},
            "a.b: it is a date; if text is meant, it needs qu",
        ),
        ({"a": {1, 2}}, "a: it is a set;"),
        ({"a": b"hi"}, "a: it is a bytes;"),
        (
            {"a": {datetime.date(2024, 1, 1): 1}},
            "a.2024-01-01: the key is a date, and needs quotes",
        ),
        ({"a": {None: 1}}, "a.None: the key is nothing, and needs quotes"),
        ({1: 2}, "1: the key is the number 1, and needs quotes"),
        ({"a": [float("nan")]}, "a.0: nan is not a finite number"),
        ({"a": circle()}, "a.0.0.0.0.0.0.0.0: it is nested more than 50 deep"),
    ],
)
def test_value_that_json_could_not_hold_is_refused_by_its_place(value, words):
    with pytest.raises(UserError) as told:
        plain(value, "config/config.yaml")
    assert str(told.value).startswith(f"config/config.yaml: {words}")
