"""The store, and sets of it: what is read, and what is said of files that do not fit."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from artefacts import CLASSES, CONFIG, COUNTS, store_and_split
from damage import flip

from cogloat.config.dataset import Data
from cogloat.data.imageset import load_coreset, load_test_set, load_training_set
from cogloat.data.longtail import write_split
from cogloat.data.store import Images, load_split_images, write_store
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.runs.load import run_config

CPU = torch.device("cpu")
DATA: Data = run_config(CONFIG, "digits", 10, "ce", 0, "train").data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten classes of 60 training and three test images in store/, and a split of it."""
    store_and_split(tmp_path)
    return tmp_path


def replaced(store: Path, name: str, array: np.ndarray) -> None:
    """Write another array, and say in the manifest that it is the store's."""
    np.save(store / name, array)
    manifest = json.loads((store / "store.json").read_text())
    manifest["files"][name] = {"shape": list(array.shape), "sha256": sha256(store / name)}
    (store / "store.json").write_text(json.dumps(manifest))


def written(folder: Path, indices: list[int], labels: list[int]) -> Path:
    write_split(folder / "other.csv", np.array(indices), np.array(labels))
    return folder / "other.csv"


# --- what is read ---


def test_only_the_asked_images_are_read_in_their_order(folder):
    everything, labels = load_split_images(folder / "store", "train", None)
    some, own = load_split_images(folder / "store", "train", np.array([400, 0]))
    assert torch.equal(some, everything[[400, 0]])
    assert own.tolist() == [labels[400], labels[0]]


def test_images_in_columns_and_labels_of_any_width_mean_the_same(folder):
    store = folder / "store"
    images, labels = load_split_images(store, "train", None)
    replaced(store, "train_images.npy", np.asfortranarray(images.numpy()))
    for kind in ("<i4", ">i8", "<u8", "u1"):
        replaced(store, "train_labels.npy", labels.numpy().astype(kind))
        again, own = load_split_images(store, "train", np.arange(len(labels)))
        assert torch.equal(again, images)
        assert again.is_contiguous()
        assert torch.equal(own, labels)


def test_a_set_counts_the_images_of_its_classes(folder):
    training = load_training_set(folder / "store", folder / "split.csv", DATA, CPU)
    assert tuple(training.counts_C.tolist()) == COUNTS
    assert load_test_set(folder / "store", DATA, CPU).counts_C.tolist() == [3] * CLASSES


# --- what is refused ---

LABELS = np.arange(CLASSES).repeat(60)
PIXELS = np.zeros((600, 3, 8, 8), np.uint8)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda store: (store / "train_images.npy").unlink(), "train_images.npy: no such file"),
        (lambda store: (store / "store.json").unlink(), "store.json: no such store"),
        (lambda store: (store / "store.json").write_text("{"), "store.json: line 1: not valid JS"),
        (lambda store: (store / "store.json").write_text("[]"), "store.json: holds a list"),
        (lambda store: (store / "store.json").write_text("{}"), "store.json: classes: Field requ"),
        (
            lambda store: (store / "store.json").write_bytes(b"\xff"),
            "store.json: line 1: byte 0xff",
        ),
        (
            lambda store: os.truncate(store / "train_images.npy", 300),
            "train_images.npy: the array is truncated: 300 bytes are not its 600 x 3 x 8 x 8",
        ),
        (
            lambda store: np.save(store / "train_labels.npy", np.zeros(2)),
            "train_labels.npy: the array holds float64, not whole numbers",
        ),
        (
            lambda store: np.save(store / "train_labels.npy", LABELS[::2]),
            "train_labels.npy: not the array of its store",
        ),
        (
            lambda store: np.save(store / "train_labels.npy", LABELS[::-1]),
            "train_labels.npy: corrupt, its SHA-256 is not",
        ),
        (lambda store: flip(store / "train_images.npy"), "train_images.npy: corrupt"),
        (
            lambda store: replaced(store, "train_images.npy", PIXELS[:, :1]),
            "train_images.npy: images of 1 channels of uint8, not 3 of uint8",
        ),
        (
            lambda store: replaced(store, "train_images.npy", PIXELS.astype(np.uint16)),
            "train_images.npy: images of 3 channels of uint16, not 3 of uint8",
        ),
        (
            lambda store: replaced(store, "train_images.npy", PIXELS.astype(np.float32)),
            "train_images.npy: the array holds float32, not whole numbers without a sign",
        ),
        (
            lambda store: replaced(store, "train_images.npy", PIXELS.reshape(600, -1)),
            "train_images.npy: the array has 2 dimensions",
        ),
        (
            lambda store: replaced(store, "train_images.npy", PIXELS[:-1]),
            "has 599 train images and 600 labels of them",
        ),
        (
            lambda store: replaced(store, "train_labels.npy", np.where(LABELS == 3, -1, LABELS)),
            "train_labels.npy: number 180, counted from 0, is -1, not between 0 and 9",
        ),
        (
            lambda store: replaced(store, "train_labels.npy", np.where(LABELS, LABELS, 10**15)),
            "train_labels.npy: number 0, counted from 0, is 1000000000000000, not between 0 and 9",
        ),
        (
            lambda store: replaced(store, "train_labels.npy", LABELS.astype(np.uint64) + 2**63),
            "train_labels.npy: number 0, counted from 0, is 9223372036854775808",
        ),
        (
            lambda store: replaced(store, "train_labels.npy", np.maximum(LABELS, 1)),
            "train_labels.npy: class 0 has no image",
        ),
    ],
)
def test_damaged_store_is_named_with_the_fix(folder, damage, message):
    damage(folder / "store")
    with pytest.raises(UserError) as told:
        load_split_images(folder / "store", "train", None)
    assert message in str(told.value)
    assert str(told.value).startswith(str(folder / "store"))
    assert "src/fetch.py" in str(told.value)


@pytest.mark.parametrize(
    ("indices", "labels", "message"),
    [
        ([0, 70], [1, 0], "its labels are not those of"),
        ([0, 600], [0, 1], "there is no image 600 among its 600"),
        ([0, 60], [0, 1], "the labels are not those of 10 classes"),
    ],
)
def test_split_of_other_data_is_refused(folder, indices, labels, message):
    with pytest.raises(UserError, match=message):
        load_training_set(folder / "store", written(folder, indices, labels), DATA, CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 9}, "the labels are not those of 9 classes"),
        ({"classes": 11}, "the labels are not those of 11 classes"),
        ({"image_size": 32}, "the images are 8 x 8 pixels, not 32 x 32. Check `image_size`"),
    ],
)
def test_store_of_other_data_is_refused(folder, change, message):
    data = DATA.model_copy(update=change)
    for load, files in ((load_test_set, ()), (load_training_set, (folder / "split.csv",))):
        with pytest.raises(UserError, match=message):
            load(folder / "store", *files, data, CPU)


def test_images_that_are_not_square_are_refused(folder):
    part = Images(PIXELS[:, :, :6], LABELS)
    write_store(folder / "store", {"train": part, "test": part}, list("0123456789"))
    with pytest.raises(UserError, match="the images are 6 x 8 pixels, not 8 x 8"):
        load_test_set(folder / "store", DATA, CPU)


def test_coreset_is_of_the_split(folder):
    of_all = [60 * label for label in range(CLASSES)]
    inside = written(folder, of_all, list(range(CLASSES)))
    found = load_coreset(folder / "store", inside, folder / "split.csv", DATA, CPU)
    assert found.counts_C.tolist() == [1] * CLASSES
    outside = written(folder, [*of_all[:-1], 599], list(range(CLASSES)))
    with pytest.raises(
        UserError, match=r"other\.csv: image 599 is not in .*split\.csv\. Select a c"
    ):
        load_coreset(folder / "store", outside, folder / "split.csv", DATA, CPU)


def test_coreset_that_lacks_a_class_is_refused(folder):
    few = written(folder, [0, 60], [0, 1])
    with pytest.raises(UserError, match=r"other\.csv: the labels are not those of 10 classes"):
        load_coreset(folder / "store", few, folder / "split.csv", DATA, CPU)
