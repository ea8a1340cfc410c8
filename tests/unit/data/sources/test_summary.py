"""What is said of a store before anything is trained on it."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import described, fetch, in_folder, in_lists, make_images
from PIL import Image

from cogloat.data.sources.equal import common, digest, repeated
from cogloat.data.sources.summary import Summary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_images(tmp_path / "images")
    return tmp_path


def summary_of(folder: Path, source: dict | None = None, classes: int = 2) -> tuple[Summary, str]:
    done = fetch(folder, described(folder, source or in_folder(folder / "images"), classes))
    assert done.returncode == 0, done.stderr
    summary = Summary.read(folder / "store" / "summary.json")
    assert summary.text() + "\n" == done.stderr
    return summary, done.stderr


def copy(folder: Path, one: str, other: str) -> None:
    shutil.copy(folder / "images" / one, folder / "images" / other)


def test_images_of_each_class_and_their_sizes(folder):
    for name, shape, level in (("0.png", (9, 20, 3), 0), ("1.png", (100, 8, 3), 255)):
        Image.fromarray(np.full(shape, level, np.uint8)).save(folder / "images/train/cat" / name)
    (folder / "images/train/dog/2.png").unlink()
    summary, said = summary_of(folder)
    assert summary.train.images == 5
    assert summary.train.classes == {"cat": 3, "dog": 2}
    assert summary.train.width.model_dump() == {"least": 8, "median": 8, "most": 20}
    assert summary.train.height.model_dump() == {"least": 8, "median": 8, "most": 100}
    assert said.splitlines()[:4] == [
        "train: 5 images of 2 classes (cat: 3, dog: 2)",
        "train: 8 to 20 (median 8) pixels wide, 8 to 100 (median 8) pixels high",
        "test: 4 images of 2 classes (cat: 2, dog: 2)",
        "test: 8 pixels wide, 8 pixels high",
    ]


def test_equal_images_are_named_and_their_labels_compared(folder):
    copy(folder, "train/cat/0.png", "train/cat/9.png")
    copy(folder, "train/cat/0.png", "train/dog/8.png")
    copy(folder, "train/cat/1.png", "test/cat/7.png")
    copy(folder, "train/cat/2.png", "test/dog/7.png")
    summary, said = summary_of(folder)
    assert summary.train.repeated.model_dump() == {
        "count": 2,
        "with_another_label": 1,
        "first": (
            ("train/cat/0.png", "train/cat/9.png"),
            ("train/cat/0.png", "train/dog/8.png"),
        ),
    }
    assert summary.test.repeated.count == 0
    assert (
        "warning: train: images equal to an earlier one: 2, 1 of them with another label: "
        "train/cat/0.png = train/cat/9.png, train/cat/0.png = train/dog/8.png\n"
    ) in said
    assert (
        "warning: test images equal to a training image: 2, 1 of them with another label: "
        "train/cat/1.png = test/cat/7.png, train/cat/2.png = test/dog/7.png\n"
    ) in said


def test_an_image_that_is_listed_for_training_and_test_is_warned_of(folder):
    lines = "train/cat/0.png 0\ntest/dog/0.png 1\n"
    summary, said = summary_of(folder, in_lists(folder, lines))
    assert summary.train_in_test.first == (("test/dog/0.png", "test/dog/0.png"),)
    assert "warning: test images equal to a training image: 1: test/dog/0.png = " in said


def test_what_was_passed_over_or_converted_is_named_up_to_ten(folder):
    for number in range(12):
        (folder / "images/train/cat" / f".{number:02d}").touch()
    alpha = np.full((8, 8, 4), 100, np.uint8)
    Image.fromarray(alpha).save(folder / "images/test/cat/5.png")
    Image.fromarray(np.full((8, 8), 999, np.uint16)).save(folder / "images/train/cat/6.png")
    summary, said = summary_of(folder)
    assert summary.passed_over["hidden"].count == 12
    assert len(summary.passed_over["hidden"].first) == 10
    assert "passed over, hidden: 12: train/cat/.00, " in said
    assert "train/cat/.09, ...\n" in said
    assert "converted, 16 bits: 1: train/cat/6.png\n" in said
    assert "converted, transparency: 1: test/cat/5.png\n" in said


def test_of_many_classes_the_smallest_and_the_largest_are_printed(tmp_path):
    names = tuple(f"kind{number}" for number in range(21))
    make_images(tmp_path / "images", names, train=2, test=1)
    (tmp_path / "images/train/kind7/0.png").unlink()
    summary, said = summary_of(tmp_path, classes=21)
    assert len(summary.train.classes) == 21
    assert "train: 41 images of 21 classes (from 1 of kind7 to 2 of kind0)" in said


def test_names_that_are_no_text_can_be_told(folder):
    images = os.fsencode(folder / "images")
    for name in (b"train/cat/\xff.png", b"train/cat/\xfe.png"):
        shutil.copy(images + b"/train/cat/0.png", images + b"/" + name)
    summary, _ = summary_of(folder)
    assert [r"train/cat/\xff.png" in pair for pair in summary.train.repeated.first] == [False, True]


def test_images_without_files_are_called_by_their_index(tmp_path):
    done = fetch(
        tmp_path, described(tmp_path, {"kind": "digits", "test_fraction": 0.2, "seed": 0}, 10)
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "store/summary.json").read_text())
    assert summary["train"]["images"] + summary["test"]["images"] == 1797
    assert summary["train"]["width"]["most"] == 8


def test_summary_is_no_part_of_the_store(folder):
    summary_of(folder)
    manifest = (folder / "store/store.json").read_text()
    assert "summary" not in manifest
    copy(folder, "train/cat/0.png", "train/cat/.0.png")
    summary_of(folder)
    assert (folder / "store/store.json").read_text() == manifest


def test_pairs_of_equal_images_are_those_of_a_comparison_of_all():
    draw = np.random.default_rng(0)
    train = draw.integers(0, 2, (60, 1, 2, 2), dtype=np.uint8)
    test = draw.integers(0, 2, (30, 1, 2, 2), dtype=np.uint8)
    first = [next(i for i in range(60) if (train[i] == image).all()) for image in train]
    seen, others = ([digest(image) for image in part] for part in (train, test))
    assert repeated(seen) == [(i, j) for j, i in enumerate(first) if i != j]
    found = [[i for i in range(60) if (train[i] == image).all()] for image in test]
    assert common(seen, others) == [(i[0], j) for j, i in enumerate(found) if i]
