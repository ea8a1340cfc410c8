"""torchvision's CIFAR archives: one of the real format, with a handful of images."""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cogloat.config.dataset import TorchvisionCifar
from cogloat.data.sources.cifar import read_cifar
from cogloat.errors import UserError

BASE = "cifar-10-batches-py"
BATCHES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]


def members() -> dict[str, bytes]:
    """Return what is in an archive: 10 images a batch."""
    draw = np.random.default_rng(0)
    files = {}
    for name in BATCHES:
        data = draw.integers(0, 256, (10, 3072), dtype=np.uint8)
        files[name] = pickle.dumps({"data": data, "labels": list(range(10))})
    names = {"label_names": [f"c{i}" for i in range(10)]}
    return files | {"batches.meta": pickle.dumps(names), "readme.html": b"more"}


def pack(path: Path, files: dict[str, bytes], odd: Callable[[tarfile.TarFile], None] | None = None):
    """Write an archive in the format of cifar-10-python.tar.gz; return the source it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{BASE}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if odd is not None:
            odd(archive)
    return source_of(path)


def source_of(path: Path) -> TorchvisionCifar:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return TorchvisionCifar(
        kind="torchvision_cifar", name="cifar10", url=path.as_uri(), sha256=sha256
    )


@pytest.fixture
def unreleased(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set aside torchvision's checksums of the released files."""
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder of temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.usefixtures("unreleased")
def test_archive_is_read_as_torchvision_reads_it_and_is_kept(tmp_path, temporary):
    archive, raw = tmp_path / "mirror" / "cifar-10-python.tar.gz", tmp_path / "raw"
    source = pack(archive, members())
    parts, classes = read_cifar(source, raw)
    assert parts["train"].images_NCHW.shape == (50, 3, 32, 32)
    assert parts["test"].labels_N.tolist() == list(range(10))
    assert classes == [f"c{i}" for i in range(10)]
    first = np.random.default_rng(0).integers(0, 256, (10, 3072), dtype=np.uint8)[0]
    assert np.array_equal(parts["train"].images_NCHW[0].ravel(), first)
    archive.unlink()  # what was downloaded and verified is used again
    read_cifar(source, raw)
    assert [path.name for path in raw.iterdir()] == [archive.name]
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("unreleased")
def test_what_lies_beside_the_archive_is_left_as_it_is(tmp_path):
    own = tmp_path / BASE / "data_batch_1"
    own.parent.mkdir()
    own.write_text("mine")
    read_cifar(pack(tmp_path / "cifar-10-python.tar.gz", members()), tmp_path)
    with pytest.raises(UserError):
        read_cifar(pack(tmp_path / "other.tar.gz", {}), tmp_path)
    assert own.read_text() == "mine"
    assert [path.name for path in own.parent.iterdir()] == ["data_batch_1"]


@pytest.mark.usefixtures("unreleased")
def test_one_archive_can_be_read_by_many_at_once(tmp_path, temporary):
    source = pack(tmp_path / "cifar-10-python.tar.gz", members())
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: read_cifar(source, tmp_path)[0], range(16)))
    for parts in read:
        assert np.array_equal(parts["train"].images_NCHW, read[0]["train"].images_NCHW)
    assert not list(temporary.iterdir())


def link_outside(archive: tarfile.TarFile) -> None:
    member = tarfile.TarInfo(f"{BASE}/test_batch")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive.addfile(member)


def file_outside(archive: tarfile.TarFile) -> None:
    for name in ("../outside", "/tmp/outside", f"{BASE}/../../outside"):
        archive.addfile(tarfile.TarInfo(name))


def without(name: str) -> dict[str, bytes]:
    return {key: value for key, value in members().items() if key != name}


@pytest.mark.usefixtures("unreleased")
def test_what_is_not_needed_of_an_archive_is_not_unpacked(tmp_path, temporary):
    source = pack(tmp_path / "cifar-10-python.tar.gz", members(), file_outside)
    before = sorted(tmp_path.rglob("*"))
    read_cifar(source, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


SIZE = "of the right size). Correct source.url and source.sha256, and delete the file."


@pytest.mark.parametrize(
    ("files", "odd", "words"),
    [
        (
            members(),
            None,
            "(its files have other checksums). Correct source.url and source.sha256, and",
        ),
        (without("test_batch"), None, f"(it has no {BASE}/test_batch {SIZE}"),
        (without("test_batch"), link_outside, f"(it has no {BASE}/test_batch {SIZE}"),
        ({}, None, f"(it has no {BASE}/batches.meta {SIZE}"),
    ],
)
def test_archive_that_is_not_the_released_one_is_refused(tmp_path, temporary, files, odd, words):
    source = pack(tmp_path / "cifar-10-python.tar.gz", files, odd)
    assert words in refused(source, tmp_path)
    assert not list(temporary.iterdir())


def test_file_that_would_fill_the_disk_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("cogloat.data.sources.cifar.LARGEST_MEMBER", 10_000)
    source = pack(tmp_path / "cifar-10-python.tar.gz", members())
    assert f"(it has no {BASE}/data_batch_1 {SIZE}" in refused(source, tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: b"<html>no archive</html>", "(file could not be opened successfully)"),
        (lambda content: b"", "(file could not be opened successfully)"),
        (
            lambda content: content[: len(content) // 2],
            "not the released cifar10 archive (",
        ),
        (
            lambda content: content[:20_000] + bytes(99) + content[20_099:],
            "not the released cifar10 archive",
        ),
        (lambda content: content[:-8] + bytes(8), "not the released cifar10 archive ("),
    ],
)
def test_damaged_archive_is_named(tmp_path, damage, words):
    """Of the right checksum, which somebody wrote into the dataset's file."""
    archive = tmp_path / "cifar-10-python.tar.gz"
    pack(archive, members())
    archive.write_bytes(damage(archive.read_bytes()))
    message = refused(source_of(archive), tmp_path)
    assert words in message
    assert archive.exists()


def refused(source: TorchvisionCifar, raw: Path) -> str:
    with pytest.raises(UserError) as error:
        read_cifar(source, raw)
    message = str(error.value)
    assert message.startswith(
        f"{raw / 'cifar-10-python.tar.gz'}: not the released cifar10 archive ("
    )
    assert "\n" not in message
    return message
