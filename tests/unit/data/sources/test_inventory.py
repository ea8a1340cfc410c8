"""What a store is made of: by content, and read once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import a_dataset, in_folder, in_lists, make_images
from scripts import REPO

from cogloat.data.sources import inventory
from cogloat.data.sources.inventory import content
from cogloat.errors import UserError

LINES = "train/dog/2.png 1\ntrain/cat/0.png 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_images(tmp_path / "images")
    return tmp_path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read."""
    opened: list[str] = []
    sha256 = inventory.sha256

    def recorded(path: str) -> str:
        opened.append(path)
        return sha256(path)

    monkeypatch.setattr(inventory, "sha256", recorded)
    return opened


def of_folder(folder: Path) -> str:
    return content(a_dataset(folder, in_folder(folder / "images")), folder / "cache.json")


def of_lists(folder: Path, train: str = LINES) -> str:
    return content(a_dataset(folder, in_lists(folder, train)), folder / "cache.json")


def replace(folder: Path) -> None:
    """Put another image in a file's place, of the same size and time."""
    path = folder / "images/train/cat/0.png"
    times = path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times, times + 1))


def add(folder: Path) -> None:
    shutil.copy(folder / "images/train/cat/0.png", folder / "images/train/cat/9.png")


def remove(folder: Path) -> None:
    (folder / "images/train/cat/0.png").unlink()


def move_to_another_class(folder: Path) -> None:
    shutil.move(folder / "images/train/cat/2.png", folder / "images/train/dog/9.png")


def move_to_another_place(folder: Path) -> None:
    shutil.move(folder / "images/train/cat/0.png", folder / "images/train/cat/9.png")


def rename_class(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / "images" / split / "cat").rename(folder / "images" / split / "cow")


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [replace, add, remove, move_to_another_class, move_to_another_place, rename_class]
)
def test_another_image_order_or_class_is_another_content(folder, change):
    before = of_folder(folder)
    change(folder)
    assert of_folder(folder) != before


def touch(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        path.touch()


def leave_hidden_file(folder: Path) -> None:
    (folder / "images/train/cat/.DS_Store").write_text("x")


def move_below(folder: Path) -> None:
    (folder / "images/train/cat/part").mkdir()
    shutil.move(folder / "images/train/cat/2.png", folder / "images/train/cat/part/2.png")


@pytest.mark.parametrize("change", [touch, leave_hidden_file, move_below])
def test_what_changes_no_pixel_of_the_store_is_the_same_content(folder, change):
    before = of_folder(folder)
    change(folder)
    assert of_folder(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "same"),
    [
        (LINES.replace("\n", "\r\n"), True),
        (f"\n{LINES}\n", True),
        ("".join(reversed(LINES.splitlines(keepends=True))), False),
        (LINES + "train/cat/1.png 0\n", False),
        (LINES.replace("train/cat/0", "train/cat/1"), False),
        (LINES.replace("2.png 1", "2.png 0") + "train/dog/1.png 1\n", False),
    ],
)
def test_list_counts_by_its_images_and_labels(folder, train, same):
    assert (of_lists(folder, train) == of_lists(folder)) is same


def test_listed_image_that_changes_is_another_content(folder):
    before = of_lists(folder)
    replace(folder)
    assert of_lists(folder) != before


def test_files_are_read_once_and_again_after_a_change_or_without_the_cache(folder, reads):
    before = of_folder(folder)
    assert len(reads) == len(set(reads)) == 10
    assert of_folder(folder) == before
    assert len(reads) == 10
    touch(folder)
    assert of_folder(folder) == before
    assert len(reads) == 20
    for damage in ("", "{", "[]", '{"inventory": 1}', "\0"):
        (folder / "cache.json").write_text(damage)
        assert of_folder(folder) == before
    assert len(reads) == 70


def test_file_that_cannot_be_read_is_named(folder, monkeypatch):
    def fails(path: str) -> str:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(inventory, "sha256", fails)
    with pytest.raises(UserError) as error:
        of_folder(folder)
    first, second, *_ = str(error.value).splitlines()
    assert first.startswith("Digits: 10 problems")
    assert "images/test/cat/0.png: cannot be read (Permission denied). Mend or remove it." in second
    assert not (folder / "cache.json").exists()


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"images/train: no such folder\. It must hold"):
        of_folder(tmp_path)


@pytest.mark.slow
def test_nothing_is_imported_that_a_submit_host_lacks():
    heavy = "torch, torchvision, PIL, sklearn"
    code = (
        "import sys, cogloat.data.sources.inventory\n"
        f"found = set('{heavy}'.split(', ')) & set(sys.modules)\n"
        "assert not found, found"
    )
    environment = os.environ | {"PYTHONPATH": str(REPO / "src")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
