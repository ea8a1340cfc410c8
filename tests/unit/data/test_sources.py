"""Sources through the real script, and what is said of damage; the store that comes of them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import arguments, described, fetch, in_folder, in_lists, make_images, must_fail
from PIL import Image
from scripts import REPO, command

from cogloat.data.store import load_split_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder of two classes; names sort in another order than they are written."""
    make_images(tmp_path / "images")
    return tmp_path


def image_folder(folder: Path) -> Path:
    return described(folder, in_folder(folder / "images"))


def test_digits_are_grey_balanced_in_test_and_the_same_every_time(tmp_path):
    digits = REPO / "config/datasets/digits.yaml"
    done = fetch(tmp_path, digits)
    assert done.returncode == 0, done.stderr
    train, labels = load_split_images(tmp_path / "store", "train", None)
    test, test_labels = load_split_images(tmp_path / "store", "test", None)
    assert (tuple(train.shape[1:]), train.dtype) == ((3, 8, 8), torch.uint8)
    assert len(train) + len(test) == 1797
    assert torch.equal(train[:, 0], train[:, 2])
    assert int(train.max()) == 255
    counts = torch.bincount(test_labels)
    assert int(counts.max() - counts.min()) <= 3
    first = (tmp_path / "store" / "store.json").read_text()
    fetch(tmp_path, digits)
    assert (tmp_path / "store" / "store.json").read_text() == first
    assert torch.bincount(labels).min() > 130


def test_image_folder_keeps_pixels_and_sorts_classes_and_files(folder):
    assert fetch(folder, image_folder(folder)).returncode == 0
    images, labels = load_split_images(folder / "store", "train", None)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    manifest = json.loads((folder / "store" / "store.json").read_text())
    assert manifest["classes"] == ["cat", "dog"]
    expected = np.asarray(Image.open(folder / "images/train/dog/1.png"))
    assert np.array_equal(images[4].permute(1, 2, 0).numpy(), expected)


def test_images_of_another_size_are_scaled_and_centre_cropped(folder):
    wide = np.zeros((16, 64, 3), np.uint8)
    wide[:, 24:40] = 200  # the central square
    Image.fromarray(wide).save(folder / "images/train/cat/0.png")
    assert fetch(folder, image_folder(folder)).returncode == 0
    images, _ = load_split_images(folder / "store", "train", None)
    assert int(images[0, :, 2:6, 2:6].min()) == 200


def test_list_file_keeps_its_lines_order(folder):
    source = in_lists(folder, "train/dog/2.png 1\ntrain/cat/0.png 0\n")
    assert fetch(folder, described(folder, source)).returncode == 0
    images, labels = load_split_images(folder / "store", "train", None)
    assert labels.tolist() == [1, 0]
    expected = np.asarray(Image.open(folder / "images/train/dog/2.png"))
    assert np.array_equal(images[0].permute(1, 2, 0).numpy(), expected)


def test_line_that_is_not_valid_is_named(folder):
    must_fail(
        *(folder, described(folder, in_lists(folder, "train/dog/2.png\n"))),
        *("train.txt: line 1: train/dog/2.png is not 'path label'", "Correct the line"),
    )


def test_background_of_transparent_images_is_the_datasets(folder):
    Image.fromarray(np.zeros((8, 8, 4), np.uint8)).save(folder / "images/train/cat/0.png")
    source = in_folder(folder / "images") | {"background": 40}
    assert fetch(folder, described(folder, source)).returncode == 0
    images, _ = load_split_images(folder / "store", "train", None)
    assert images[0].unique().tolist() == [40]


def test_unreadable_image_is_named(folder):
    (folder / "images/test/dog/1.png").write_bytes(b"\x89PNG not a picture")
    must_fail(
        *(folder, image_folder(folder)),
        *("images/test/dog/1.png: unreadable image", "Replace or remove it"),
    )


def test_all_unreadable_images_of_both_parts_are_named_at_once(folder):
    for name in ("train/cat/2.png", "test/dog/0.png"):
        path = folder / "images" / name
        path.write_bytes(path.read_bytes()[:100])
    said = must_fail(folder, image_folder(folder), "error: Digits: 2 problems:").splitlines()
    assert [line.partition(" (")[0] for line in said[1:]] == [
        f"{folder}/images/{name}: unreadable image"
        for name in ("train/cat/2.png", "test/dog/0.png")
    ]


def test_empty_class_is_named(folder):
    for path in (folder / "images/train/cat").iterdir():
        path.unlink()
    must_fail(
        *(folder, image_folder(folder)),
        *("images/train/cat: the class has no image", "Add some"),
    )


def test_class_in_train_only_is_named(folder):
    shutil.rmtree(folder / "images/test/dog")
    must_fail(folder, image_folder(folder), "images/test: has no folder of classes", "'dog'")


def test_missing_folder_is_named(tmp_path):
    must_fail(tmp_path, image_folder(tmp_path), "images/train: no such folder")


def test_wrong_number_of_classes_is_named(folder):
    must_fail(
        *(folder, described(folder, in_folder(folder / "images"), classes=3)),
        *("the source has 2 classes, not 3", "`classes`"),
    )


def test_output_that_cannot_be_written_is_one_message(folder):
    (folder / "store").write_text("a file in the way")
    done = fetch(folder, image_folder(folder))
    assert done.returncode == 2
    assert f"{folder / 'store'}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_folder_without_write_permission_is_one_message(folder):
    (folder / "store").mkdir(mode=0o500)
    # root may write everywhere unless that right is taken from it
    without = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    dataset = image_folder(folder)
    done = subprocess.run(
        [*without, *command("fetch.py", *arguments(folder, dataset))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"{folder / 'store'}" in done.stderr
    assert "no permission. Check who owns the folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((folder / "store").iterdir())
