"""Every source through the real script, and what each kind of damage says."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from damage import flip
from PIL import Image
from scripts import REPO, command, run

from cogloat.config.dataset import TorchvisionCifar
from cogloat.data.imageset import load_test_set, load_training_set
from cogloat.data.longtail import write_split
from cogloat.data.sources import read_source
from cogloat.data.store import load_split_images
from cogloat.errors import UserError
from cogloat.runs.load import load_dataset


def described(folder: Path, source: dict, classes: int = 2, size: int = 8) -> Path:
    """Write a dataset's file like the digits', with another source."""
    dataset = yaml.safe_load((REPO / "config/datasets/digits.yaml").read_text())
    dataset |= {"source": source, "classes": classes, "image_size": size}
    path = folder / "config" / "datasets" / "mine.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dataset))
    return path


def arguments(folder: Path, dataset: Path) -> list[object]:
    return [
        *("--config", dataset.parents[1], "--dataset", dataset.stem),
        *("--output", folder / "store", "--raw", folder / "raw"),
    ]


def fetch(folder: Path, dataset: Path) -> subprocess.CompletedProcess:
    return run("fetch.py", *arguments(folder, dataset))


def must_fail(folder: Path, dataset: Path, *words: str) -> None:
    done = fetch(folder, dataset)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "store" / "store.json").exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder of two classes; names sort in another order than they are written."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 3), ("test", 2)):
        for name in ("dog", "cat"):
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                path = tmp_path / "images" / split / name / f"{number}.png"
                Image.fromarray(pixels).save(path)
    return tmp_path


def image_folder(tmp_path: Path) -> dict:
    return {"kind": "image_folder", "path": str(tmp_path / "images")}


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
    assert fetch(folder, described(folder, image_folder(folder))).returncode == 0
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
    assert fetch(folder, described(folder, image_folder(folder))).returncode == 0
    images, _ = load_split_images(folder / "store", "train", None)
    assert int(images[0, :, 2:6, 2:6].min()) == 200


def test_list_file_reads_paths_and_labels_in_their_order(folder):
    (folder / "train.txt").write_text("train/dog/2.png 1\ntrain/cat/0.png 0\n")
    (folder / "test.txt").write_text("test/cat/0.png 0\ntest/dog/1.png 1\n")
    source = {
        **{"kind": "list_file", "root": str(folder / "images")},
        **{"train": str(folder / "train.txt"), "test": str(folder / "test.txt")},
    }
    assert fetch(folder, described(folder, source)).returncode == 0
    images, labels = load_split_images(folder / "store", "train", None)
    assert labels.tolist() == [1, 0]
    expected = np.asarray(Image.open(folder / "images/train/dog/2.png"))
    assert np.array_equal(images[0].permute(1, 2, 0).numpy(), expected)
    (folder / "train.txt").write_text("train/dog/2.png\n")
    shutil.rmtree(folder / "store")
    must_fail(folder, described(folder, source), "train.txt, line 1", "'path label'")


def test_unreadable_image_is_named(folder):
    (folder / "images/test/dog/1.png").write_bytes(b"\x89PNG not a picture")
    must_fail(
        *(folder, described(folder, image_folder(folder))),
        *("images/test/dog/1.png: unreadable image", "Replace or remove it"),
    )


def test_truncated_image_is_named(folder):
    path = folder / "images/train/cat/2.png"
    path.write_bytes(path.read_bytes()[:100])
    must_fail(folder, described(folder, image_folder(folder)), f"{path}: unreadable image")


def test_empty_class_is_named(folder):
    for path in (folder / "images/train/cat").iterdir():
        path.unlink()
    must_fail(
        *(folder, described(folder, image_folder(folder))),
        *("images/train/cat: the class has no image", "Add some"),
    )


def test_class_in_train_only_is_named(folder):
    shutil.rmtree(folder / "images/test/dog")
    must_fail(folder, described(folder, image_folder(folder)), "class 'dog' is in train or test")


def test_missing_folder_is_named(tmp_path):
    must_fail(tmp_path, described(tmp_path, image_folder(tmp_path)), "images/train: no such folder")


def test_wrong_number_of_classes_is_named(folder):
    must_fail(
        *(folder, described(folder, image_folder(folder), classes=3)),
        *("the source has 2 classes, not 3", "`classes`"),
    )


def test_output_that_cannot_be_written_is_one_message(folder):
    (folder / "store").write_text("a file in the way")
    done = fetch(folder, described(folder, image_folder(folder)))
    assert done.returncode == 2
    assert f"{folder / 'store'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_folder_without_write_permission_is_one_message(folder):
    (folder / "store").mkdir(mode=0o500)
    # root may write everywhere unless that right is taken from it
    without = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    dataset = described(folder, image_folder(folder))
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


# --- torchvision's CIFAR archives: one of the real format, with a handful of images ---


def cifar_archive(path: Path) -> None:
    """Write an archive in the format of cifar-10-python.tar.gz: 10 images a batch."""
    folder = path.parent / "cifar-10-batches-py"
    folder.mkdir()
    draw = np.random.default_rng(0)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for name in names:
        data = draw.integers(0, 256, (10, 3072), dtype=np.uint8)
        entry = {"data": data, "labels": list(range(10))}
        (folder / name).write_bytes(pickle.dumps(entry))
    (folder / "batches.meta").write_bytes(
        pickle.dumps({"label_names": [f"c{i}" for i in range(10)]})
    )
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "cifar-10-batches-py")
    shutil.rmtree(folder)


def cifar(archive: Path, sha256: str) -> dict:
    url = f"file://{archive}"
    return {"kind": "torchvision_cifar", "name": "cifar10", "url": url, "sha256": sha256}


def test_corrupt_download_is_named_and_not_kept(tmp_path):
    archive = tmp_path / "mirror" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"an error page of a proxy")
    must_fail(
        *(tmp_path, described(tmp_path, cifar(archive, "0" * 64), classes=10)),
        *(f"file://{archive}", "corrupt", "0" * 64, "mirror"),
    )
    assert not list((tmp_path / "raw").iterdir())


def test_unreachable_download_is_named_with_ways_out(tmp_path):
    archive = tmp_path / "nowhere" / "cifar-10-python.tar.gz"
    must_fail(
        *(tmp_path, described(tmp_path, cifar(archive, "0" * 64), classes=10)),
        *("cannot be downloaded", "set source.url to a mirror", "or put the file at"),
    )


def test_archive_that_is_not_the_released_one_is_refused_by_torchvisions_checksums(tmp_path):
    archive = tmp_path / "mirror" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    cifar_archive(archive)
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    must_fail(
        *(tmp_path, described(tmp_path, cifar(archive, sha256), classes=10)),
        *("not the cifar10 archive",),
    )


def test_archive_of_the_released_format_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    """Only torchvision's checksums of the released files are set aside."""
    archive = tmp_path / "mirror" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    cifar_archive(archive)
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    file = described(tmp_path, cifar(archive, sha256), classes=10, size=32)
    dataset = load_dataset(file.parents[1], file.stem)
    assert isinstance(dataset.source, TorchvisionCifar)
    parts, classes = read_source(dataset, tmp_path / "raw", threads=1)
    assert parts["train"].images_NCHW.shape == (50, 3, 32, 32)
    assert parts["test"].labels_N.tolist() == list(range(10))
    assert classes == [f"c{i}" for i in range(10)]
    first = np.random.default_rng(0).integers(0, 256, (10, 3072), dtype=np.uint8)[0]
    assert np.array_equal(parts["train"].images_NCHW[0].ravel(), first)
    archive.unlink()  # what was downloaded and verified is used again
    read_source(dataset, tmp_path / "raw", threads=1)


# --- the store ---


def test_only_the_asked_images_are_read_in_their_order(folder):
    fetch(folder, described(folder, image_folder(folder)))
    everything, _ = load_split_images(folder / "store", "train", None)
    some, labels = load_split_images(folder / "store", "train", np.array([4, 0]))
    assert torch.equal(some, everything[[4, 0]])
    assert labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda store: (store / "train_images.npy").unlink(), "train_images.npy: no such file"),
        (lambda store: (store / "store.json").unlink(), "store.json: no such store"),
        (lambda store: (store / "store.json").write_text("{"), "store.json: damaged"),
        (
            lambda store: os.truncate(store / "train_images.npy", 300),
            "train_images.npy: truncated",
        ),
        (
            lambda store: np.save(store / "train_labels.npy", np.zeros(2)),
            "train_labels.npy: not the array of its store",
        ),
        (lambda store: flip(store / "train_images.npy"), "train_images.npy: corrupt"),
    ],
)
def test_damaged_store_is_named_with_the_fix(folder, damage, message):
    fetch(folder, described(folder, image_folder(folder)))
    damage(folder / "store")
    with pytest.raises(UserError, match=message) as error:
        load_split_images(folder / "store", "train", None)
    assert "src/fetch.py" in str(error.value)


def test_split_of_another_dataset_is_refused(folder):
    fetch(folder, described(folder, image_folder(folder)))
    cpu = torch.device("cpu")
    write_split(folder / "other.csv", np.array([0, 5]), np.array([1, 0]))
    with pytest.raises(UserError, match="its labels are not those of"):
        load_training_set(folder / "store", folder / "other.csv", 2, cpu)
    write_split(folder / "long.csv", np.array([0, 60]), np.array([0, 1]))
    with pytest.raises(UserError, match="there is no image 60 among its 6"):
        load_training_set(folder / "store", folder / "long.csv", 2, cpu)
    with pytest.raises(UserError, match="not those of 3 classes"):
        load_test_set(folder / "store", 3, cpu)
