"""An array is what its header says, of the kind that is meant, or is refused before it is read."""

import io
import resource
import struct

import numpy as np
import pytest
from damage import with_header

from cogloat.data.labels import read_labels
from cogloat.errors import UserError
from cogloat.methods.tsc.targets import read_targets
from cogloat.readers.arrays import read_array

LABELS = np.array([0, 2, 1, 0])


def saved(array, **options) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def said(old, new) -> bytes:
    """Return the file of the labels with another header."""
    return with_header(saved(LABELS), old, new)


def archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, LABELS)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["<i8", ">i8", "<i4", "|u1", "<u8", ">u2"])
def test_whole_numbers_of_every_width_and_order_are_labels(tmp_path, kind):
    np.save(tmp_path / "labels.npy", LABELS.astype(kind))
    labels = read_labels(tmp_path / "labels.npy")
    assert labels.dtype == np.int64
    assert labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("memory_map", [False, True])
def test_columns_first_means_the_same(tmp_path, memory_map):
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.save(tmp_path / "a.npy", np.asfortranarray(array))
    found = read_array(tmp_path / "a.npy", "u", 2, "Mend it.", memory_map=memory_map)
    assert found.tolist() == array.tolist()
    assert isinstance(found, np.memmap) == memory_map


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_both_versions_of_the_format_are_read(tmp_path, version):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, LABELS, version)
    assert read_array(tmp_path / "a.npy", "iu", 1, "Mend it.").tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a NumPy array (.npy), or its header is damaged."),
        (b"0\n1\n", "not a NumPy array (.npy), or its header is damaged."),
        (saved(LABELS)[:20], "not a NumPy array (.npy), or its header is damaged."),
        (archive(), "an archive, as .npz is, not one array."),
        (archive()[:50], "an archive, as .npz is, not one array."),
        (saved(LABELS)[:-1], "the array is truncated: 159 bytes are not its 4 numbers of int64."),
        (saved(LABELS) + b"\0", "the array is too long: 161 bytes are not its 4 numbers of int64."),
        (saved(LABELS.astype(float)), "the array holds float64, not whole numbers."),
        (saved(LABELS.astype("<f2")), "the array holds float16, not whole numbers."),
        (saved(LABELS.astype(bool)), "the array holds bool, not whole numbers."),
        (saved(LABELS.astype(complex)), "the array holds complex128, not whole numbers."),
        (saved(LABELS.astype("<m8[s]")), "the array holds timedelta64[s], not whole numbers."),
        (saved(LABELS.astype(str)), "the array holds <U21, not whole numbers."),
        (
            saved(LABELS.astype([("a", "<i4")])),
            "the array holds [('a', '<i4')], not whole numbers.",
        ),
        (saved(LABELS.astype(object), allow_pickle=True), "the array holds object, not whole num"),
        (saved(LABELS[:, None]), "the array has 2 dimensions (4 x 1), not 1."),
        (saved(LABELS[0]), "the array has 0 dimensions (), not 1."),
        (saved(LABELS[:0]), "the array is empty (0)."),
        (said(b"(4,)", b"(-4,)"), "the array is empty (-4)."),
        (
            said(b"(4,)", b"(9999999999,)"),
            "the array is truncated: 160 bytes are not its 99",
        ),
        (
            said(b"(4,)", b"(" + b"9" * 60 + b",)"),
            "the array is truncated: 160 bytes are n",
        ),
        (said(b"'<i8'", b"'|V99'"), "the array holds |V99, not whole numbers."),
        (said(b"'<i8'", b"'??'"), "not a NumPy array (.npy), or its header is damaged."),
        (said(b"'<i8'", b"[[[[["), "not a NumPy array (.npy), or its header is damaged."),
        (saved(LABELS)[:6] + b"\x02\x00" + struct.pack("<I", 2**32 - 1), "not a NumPy array"),
        (saved(LABELS)[:6] + b"\x09\x00" + saved(LABELS)[8:], "not a NumPy array (.npy), or its"),
        (saved(np.array([0, -1])), "number 1, counted from 0, is -1, not between 0 and 1."),
        (saved(np.array([0, 2])), "number 1, counted from 0, is 2, not between 0 and 1."),
        (saved(np.array([10**15])), "number 0, counted from 0, is 1000000000000000, not between"),
        (
            saved(np.array([0, 2**63], np.uint64)),
            "number 1, counted from 0, is 9223372036854775808",
        ),
        (saved(np.array([0, 2, 2])), "class 1 has no image."),
    ],
)
def test_what_are_no_labels_is_named(tmp_path, content, words):
    path = tmp_path / "labels.npy"
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError) as told:
        read_labels(path)
    message = str(told.value)
    assert message.startswith(f"{path}: {words}")
    assert message.endswith("Make the store again with src/fetch.py.")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_labels_of_more_or_fewer_classes_are_refused(tmp_path):
    np.save(tmp_path / "labels.npy", LABELS)
    assert len(read_labels(tmp_path / "labels.npy", 3)) == 4
    with pytest.raises(UserError, match="is 2, not between 0 and 1"):
        read_labels(tmp_path / "labels.npy", 2)
    with pytest.raises(UserError, match="class 3 has no image"):
        read_labels(tmp_path / "labels.npy", 4)


@pytest.mark.parametrize("name", ["none.npy", "folder.npy"])
def test_what_is_no_file_is_an_error_of_the_machine(tmp_path, name):
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(OSError, match=name):
        read_labels(tmp_path / name)


# --- TSC's targets ---

POINTS = np.eye(3, 4)


@pytest.mark.parametrize("kind", ["<f8", "<f4", ">f8", "<f2"])
def test_unit_vectors_of_every_precision_are_targets(tmp_path, kind):
    np.save(tmp_path / "targets.npy", POINTS.astype(kind))
    assert read_targets(tmp_path / "targets.npy", (3, 4)).tolist() == POINTS.tolist()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (POINTS[:2], "2 x 4 targets, but the run has 3 classes in 4 dimensions. Make them for"),
        (POINTS.T, "4 x 3 targets, but the run has 3 classes in 4 dimensions."),
        (POINTS[0], "the array has 1 dimensions (4), not 2. Make them again by place_targets.py."),
        (POINTS.astype(int), "the array holds int64, not decimal numbers. Make them again"),
        (POINTS * [[1], [2], [1]], "target 1, counted from 0, has the norm 2, not 1. Make them"),
        (POINTS * [[0], [1], [1]], "target 0, counted from 0, has the norm 0, not 1."),
        (POINTS * 1.01, "target 0, counted from 0, has the norm 1.01, not 1."),
        (POINTS * [[1], [1], [np.nan]], "target 2, counted from 0, has the norm nan, not 1."),
        (POINTS + np.inf, "target 0, counted from 0, has the norm inf, not 1."),
        (np.full((3, 4), 1e300), "target 0, counted from 0, has the norm inf, not 1."),
    ],
)
def test_what_are_no_targets_is_named(tmp_path, array, words):
    np.save(tmp_path / "targets.npy", array)
    with pytest.raises(UserError) as told:
        read_targets(tmp_path / "targets.npy", (3, 4))
    assert str(told.value).startswith(f"{tmp_path / 'targets.npy'}: {words}")


def test_targets_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UserError, match=r"targets\.npy: the targets are missing"):
        read_targets(tmp_path / "targets.npy", (3, 4))
