"""Damage of every kind to every kind of file: its reader returns, or says what is wrong."""

import contextlib
import copy
import functools
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import specimens
import torch
import yaml
from damage import with_header
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from specimens import Specimen

from cogloat.errors import UserError
from cogloat.readers import strict_yaml

EXAMPLES = int(os.environ.get("FUZZ", 20))  # of each kind of file and damage
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read(specimen: Specimen, content: bytes) -> None:
    """Read a damaged file; the answer is a value or one line a problem that names a file."""
    specimen.place.parent.mkdir(exist_ok=True)
    specimen.place.write_bytes(content)
    with contextlib.suppress(OSError):
        try:
            specimen.read(specimen.place)
        except UserError as error:
            told = str(error).splitlines() or [""]
        else:
            return
        assert all(": " in line and line.endswith((".", "?")) for line in told), told


# --- bytes ---

TOKENS = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\t", b"\r", b"\n", b"\n\n", b" ", b"\\", b'"', b"'"),
    *(b"[", b"]", b"{", b"}", b":", b": ", b"- ", b"---\n", b"#", b"?", b"%", b"|", b">", b"="),
    *(b"&a ", b"*a", b"&a [*a]", b"<<: ", b"!!python/object:os.x ", b"!!set ", b"!!binary "),
    *(b"1e999", b"1e-3", b"nan", b"NaN", b".inf", b"-", b"9" * 30, b"9" * 5000, b"0x_", b"1_0"),
    *(b"true", b"null", b"off", b"2024-01-01", b"1:30", b"012", b"[" * 2000, b"{a: " * 100),
    *(b",", b",,", b"\xd9\xa3", b"\\ud800", b"\\UFFFFFFFF", b"O", b"(-1,)", b"('|V9',)"),
]


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Flip, cut, double or insert, up to three times."""
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(content)))
        last = min(len(content), first + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["flip", "cut", "end", "double", "insert"])):
            case "flip" if first < len(content):
                flipped = bytes([content[first] ^ 1 << draw(st.integers(0, 7))])
                content = content[:first] + flipped + content[first + 1 :]
            case "cut":
                content = content[:first] + content[last:]
            case "end":
                content = content[:first]
            case "double":
                content = content[:last] + content[first:]
            case _:
                content = content[:first] + draw(st.sampled_from(TOKENS)) + content[first:]
    return content


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Specimen]:
    """Every specimen by its name."""
    kinds = (specimens.documents, specimens.tables, specimens.arrays)
    makers = (*kinds, specimens.checkpoints, specimens.models)
    return {
        name: own for make in makers for name, own in make(tmp_path_factory.mktemp("made")).items()
    }


DOCUMENTS = [
    *("method", "dataset", "config/coresets/glister.yaml", "config/config.yaml", "config.json"),
    *("config/targets.yaml", "config/claims.yaml", "images.lock.yaml", "coreset.json"),
    *("certified.json", "stage.json", "run.json", "metrics.json", "features.json", "store.json"),
    *("gradients.json", "separability.json", "leak.json"),
]
TABLES = ["split.csv", "history.csv", "times.csv", "printed.csv", "table2.csv", "ours.csv"]
ARRAYS = ["labels.npy", "targets.npy", "train_images.npy", "train_labels.npy"]
CHECKPOINTS = ["weights.pt", "state.pt"]
MODELS = ["model.safetensors"]


def test_every_kind_of_file_is_damaged(everything):
    assert sorted(everything) == sorted([*DOCUMENTS, *TABLES, *ARRAYS, *CHECKPOINTS, *MODELS])


@pytest.mark.parametrize("name", [*DOCUMENTS, *TABLES, *ARRAYS, *CHECKPOINTS, *MODELS])
def test_a_file_as_it_should_be_is_read(everything, name):
    specimen = everything[name]
    specimen.place.parent.mkdir(exist_ok=True)
    specimen.place.write_bytes(specimen.path.read_bytes())
    specimen.read(specimen.place)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*DOCUMENTS, *TABLES, *ARRAYS, *CHECKPOINTS, *MODELS])
@fuzzed
@given(data=st.data())
def test_any_bytes_are_answered(everything, name, data):
    specimen = everything[name]
    read(specimen, data.draw(damaged(specimen.path.read_bytes())))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DOCUMENTS if not name.endswith(".json")])
@fuzzed
@given(data=st.data())
def test_what_one_parser_of_yaml_reads_the_other_reads_alike(everything, name, data):
    text = data.draw(damaged(everything[name].path.read_bytes())).decode(errors="ignore")

    def said(parser: type) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strict_yaml, "FAST", parser)
            try:
                return repr(strict_yaml.parse_yaml.__wrapped__(name, text))
            except UserError as error:
                return str(error)

    assert said(yaml.CSafeLoader) == said(yaml.SafeLoader)


# --- what a file holds ---


@functools.cache
def parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


VALUES = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 10**15, 2**63, 10**30, 1e-6, 1e300, "", "text", "1e-3", "9"),
        *("a\nb", "../x", "\u0663", "\ue000", [], [1], ["a", "a"], [[]], {}, {"a": 1}, {"": {}}),
        *({"kind": "none"}, {"kind": []}, {"objective": "moco"}, [{"op": "flip"}], "extends"),
    ]
)


def places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to every value."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from places(value, (*place, key))


def changed(draw: Callable[[Any], Any], document: Any) -> None:
    """Drop, rename, add or replace something in a document."""
    for _ in range(draw(st.integers(1, 2))):
        *above, key = draw(st.sampled_from([*places(document)] or [(0,)]))
        section = document
        for part in above:
            section = section[part]
        if not section:
            return
        match draw(st.sampled_from(["drop", "rename", "add", "replace", "swap"])):
            case "drop":
                del section[key]
            case "rename" if isinstance(section, dict):
                section[draw(st.sampled_from([f"{key}x", "extends", "kind", ""]))] = section.pop(
                    key
                )
            case "add" if isinstance(section, dict):
                section[draw(st.sampled_from(["extends", "kind", "op", "more"]))] = copy.deepcopy(
                    draw(VALUES)
                )
            case "swap":
                section[key] = [section[key]]
            case _:
                section[key] = copy.deepcopy(draw(VALUES))


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
@fuzzed
@given(data=st.data())
def test_any_keys_and_values_are_answered(everything, name, data):
    specimen = everything[name]
    document = copy.deepcopy(parsed(specimen.path))
    changed(data.draw, document)
    dumped = json.dumps(document) if name.endswith(".json") else yaml.safe_dump(document)
    read(specimen, dumped.encode())


CELLS = st.sampled_from(
    [
        *("", " ", "nan", "inf", "-inf", "1e999", "9" * 30, "-1", "0", "1.0", "1_000", " 5", "+5"),
        *(
            "\u0663",
            "10" * 9,
            "x" * 200_000,
            '"',
            '"a""b"',
            "a,b",
            "250",
            "0x10",
            "\r",
            "\t1",
            "NA",
        ),
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
@fuzzed
@given(data=st.data())
def test_any_cells_are_answered(everything, name, data):
    specimen = everything[name]
    lines = [line.split(",") for line in specimen.path.read_text().splitlines()]
    row = data.draw(st.sampled_from(lines))
    match data.draw(st.sampled_from(["cell", "cell", "row", "column", "drop"])):
        case "cell":
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(CELLS)
        case "row":
            lines.insert(data.draw(st.integers(0, len(lines))), list(row))
        case "drop":
            lines.remove(row)
        case "column":
            place = data.draw(st.integers(0, len(row) - 1))
            lines = [[*line, line[place]] for line in lines]
    read(specimen, ("\n".join(",".join(line) for line in lines) + "\n").encode())


DTYPES = [
    "|u1",
    "<i8",
    ">i8",
    "<u8",
    "<f8",
    ">f4",
    "<f2",
    "|b1",
    "<c8",
    "<M8[s]",
    "|O",
    "<U2",
    "|V3",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
@fuzzed
@given(
    dtype=st.sampled_from(DTYPES),
    shape=st.lists(st.integers(0, 4), max_size=4),
    number=st.integers(-3, 3) | st.sampled_from([10**15, 2**62]),
    fortran=st.booleans(),
    said=st.none() | st.lists(st.sampled_from([-2, 0, 1, 12, 10**6, 10**18, 10**40]), max_size=4),
)
def test_any_array_is_answered(everything, name, dtype, shape, number, fortran, said):
    array = np.zeros(shape, dtype)
    if array.dtype.kind in "iuf":
        with np.errstate(all="ignore"):
            array = array + np.array(number).astype(dtype)
    file = io.BytesIO()
    np.save(file, np.array(array, order="F" if fortran else "C"))
    content = file.getvalue()
    if said is not None:  # another shape than it has
        old, new = (str(tuple(sides)).encode() for sides in (array.shape, said))
        content = with_header(content, b"'shape': " + old, b"'shape': " + new)
    read(everything[name], content)


TENSORS = st.sampled_from(
    [
        *(torch.zeros(()), torch.zeros(4, 3), torch.zeros(4), torch.full((4, 3), torch.nan)),
        *(torch.zeros(4, 3).double(), torch.zeros(4, 3, dtype=torch.int64), torch.zeros(0)),
        *(torch.ones(4, 3, dtype=torch.complex64), torch.zeros(4, 3).bool(), torch.zeros(3, 4).T),
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKPOINTS)
@fuzzed
@given(data=st.data())
def test_any_tensors_are_answered(everything, name, data):
    specimen = everything[name]
    state = torch.load(specimen.path, weights_only=True)

    def draw(strategy: Any) -> Any:
        return data.draw(VALUES | TENSORS if strategy is VALUES else strategy)

    changed(draw, state)
    file = io.BytesIO()
    torch.save(state, file)
    read(specimen, file.getvalue())
