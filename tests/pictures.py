"""Small images in files, and datasets made of them."""

import subprocess
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from scripts import REPO, run

from cogloat.config.dataset import Dataset
from cogloat.config.reading import load


def make_images(root: Path, classes: tuple[str, ...] = ("dog", "cat"), train=3, test=2) -> Path:
    """Write root/{train,test}/<class>/<number>.png, 8 x 8, with pixels of chance."""
    draw = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name in classes:
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def in_folder(root: Path) -> dict:
    """Return the source of an image folder."""
    return {"kind": "image_folder", "path": str(root)}


def in_lists(folder: Path, train: str, test: str = "test/cat/0.png 0\ntest/dog/0.png 1\n") -> dict:
    """Write two lists of folder/images, and return their source."""
    (folder / "train.txt").write_text(train)
    (folder / "test.txt").write_text(test)
    files = {split: str(folder / f"{split}.txt") for split in ("train", "test")}
    return {"kind": "list_file", "root": str(folder / "images"), **files}


def described(folder: Path, source: dict, classes: int = 2, size: int = 8) -> Path:
    """Write a dataset's file like the digits', with another source."""
    dataset = yaml.safe_load((REPO / "config/datasets/digits.yaml").read_text())
    dataset |= {"source": source, "classes": classes, "image_size": size}
    path = folder / "config" / "datasets" / "mine.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dataset))
    return path


def a_dataset(folder: Path, source: dict, classes: int = 2, size: int = 8) -> Dataset:
    """Return a dataset like the digits, with another source."""
    return load(Dataset, described(folder, source, classes, size))


def arguments(folder: Path, dataset: Path) -> list[object]:
    """Return the arguments of fetch.py that make folder/store."""
    return [
        *("--config", dataset.parents[1], "--dataset", dataset.stem),
        *("--output", folder / "store", "--raw", folder / "raw"),
    ]


def fetch(folder: Path, dataset: Path) -> subprocess.CompletedProcess:
    """Make folder/store."""
    return run("fetch.py", *arguments(folder, dataset))


def must_fail(folder: Path, dataset: Path, *words: str) -> str:
    """Check that no store comes of a dataset, and what is said; return it."""
    done = fetch(folder, dataset)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "store").exists()
    return done.stderr
