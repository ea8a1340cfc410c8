"""Where images come from: every source ends in the same two parts, train and test."""

from __future__ import annotations

import shutil
import tarfile
import urllib.error
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torchvision.datasets import CIFAR10, CIFAR100
from tqdm import tqdm

from cogloat.config.dataset import Dataset, Digits, ImageFolder, ListFile, TorchvisionCifar
from cogloat.data.store import SPLITS, Images, Split
from cogloat.errors import UserError
from cogloat.files import sha256

Parts = dict[Split, Images]


def read_source(dataset: Dataset, raw: Path, threads: int) -> tuple[Parts, list[str]]:
    """Read a dataset's images, labels and class names.

    Args:
        dataset: says where from, how many classes, and the side of the square images.
        raw: folder for what is downloaded.
        threads: that decode images.

    Raises:
        UserError: if the source is missing, damaged, or not as the dataset's file says.
    """
    match dataset.source:
        case TorchvisionCifar() as source:
            parts, classes = _cifar(source, raw)
        case ImageFolder() as source:
            parts, classes = _image_folder(source, dataset.image_size, threads)
        case ListFile() as source:
            parts, classes = _list_file(source, dataset.image_size, threads)
        case Digits() as source:
            parts, classes = _digits(source)
    if len(classes) != dataset.classes:
        raise UserError(
            f"{dataset.label}: the source has {len(classes)} classes, not {dataset.classes}. "
            "Change `classes` in the dataset's file."
        )
    for split, part in parts.items():
        missing = sorted(set(range(len(classes))) - set(part.labels_N.tolist()))
        if missing:
            raise UserError(
                f"{dataset.label}: class '{classes[missing[0]]}' has no {split} image. Add some."
            )
    return parts, classes


def _cifar(source: TorchvisionCifar, raw: Path) -> tuple[Parts, list[str]]:
    dataset = CIFAR10 if source.name == "cifar10" else CIFAR100
    archive = raw / source.url.rsplit("/", 1)[-1]
    if not (archive.exists() and sha256(archive) == source.sha256):
        _download(source, archive)
    folder = raw / dataset.base_folder
    try:
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(archive) as file:
            file.extractall(raw, filter="data")
        read = {split: dataset(str(raw), train=split == "train") for split in SPLITS}
    except (tarfile.TarError, RuntimeError, EOFError) as error:
        raise UserError(f"{archive}: not the {source.name} archive ({error}).") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    parts = {
        split: Images(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.array(part.targets))
        for split, part in read.items()
    }
    return parts, list(read["train"].classes)


def _download(source: TorchvisionCifar, archive: Path) -> None:
    """Download and verify; a file that does not match is not kept."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(source.url, str(archive), hash_prefix=source.sha256)
    except RuntimeError as error:
        raise UserError(
            f"{source.url}: the download is corrupt, its checksum is not {source.sha256} "
            f"({error}). Try again, or set source.url to a mirror."
        ) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise UserError(
            f"{source.url}: cannot be downloaded ({error}). Check the network, set source.url to "
            f"a mirror, or put the file at {archive}."
        ) from None


def _digits(source: Digits) -> tuple[Parts, list[str]]:
    digits = load_digits()
    grey_NHW = np.round(digits.images * (255 / 16)).astype(np.uint8)
    images_NCHW = np.repeat(grey_NHW[:, None], 3, axis=1)
    labels_N = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels_N)),
        test_size=source.test_fraction,
        random_state=source.seed,
        stratify=labels_N,
    )
    chosen = {"train": np.sort(train), "test": np.sort(test)}
    parts = {split: Images(images_NCHW[chosen[split]], labels_N[chosen[split]]) for split in SPLITS}
    return parts, [str(name) for name in digits.target_names]


def _image_folder(source: ImageFolder, size: int, threads: int) -> tuple[Parts, list[str]]:
    root = Path(source.path)
    classes = {split: _folders(root / split) for split in SPLITS}
    if classes["train"] != classes["test"]:
        odd = sorted(set(classes["train"]) ^ set(classes["test"]))
        raise UserError(f"{root}: class '{odd[0]}' is in train or test only. Add or remove it.")
    parts = {}
    for split in SPLITS:
        paths, labels = [], []
        for label, name in enumerate(classes[split]):
            own = sorted(path for path in (root / split / name).iterdir() if path.is_file())
            if not own:
                raise UserError(f"{root / split / name}: the class has no image. Add some.")
            paths += own
            labels += [label] * len(own)
        parts[split] = Images(_decode(paths, size, threads, split), np.array(labels))
    return parts, classes["train"]


def _folders(root: Path) -> list[str]:
    if not root.is_dir():
        raise UserError(f"{root}: no such folder. It must hold one folder a class.")
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def _list_file(source: ListFile, size: int, threads: int) -> tuple[Parts, list[str]]:
    parts = {}
    for split, name in (("train", source.train), ("test", source.test)):
        paths, labels = _read_list(Path(name))
        decoded = _decode([Path(source.root) / path for path in paths], size, threads, split)
        parts[split] = Images(decoded, np.array(labels))
    count = max(int(part.labels_N.max()) for part in parts.values()) + 1
    return {split: parts[split] for split in SPLITS}, [str(label) for label in range(count)]


def _read_list(file: Path) -> tuple[list[str], list[int]]:
    paths, labels = [], []
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        path, _, label = line.strip().rpartition(" ")
        if not path or not label.isdigit():
            raise UserError(f"{file}, line {number}: '{line}' is not 'path label'. Mend the line.")
        paths.append(path)
        labels.append(int(label))
    if not paths:
        raise UserError(f"{file}: the list is empty. Add lines 'path label'.")
    return paths, labels


def _decode(paths: Sequence[Path], size: int, threads: int, what: str) -> NDArray[np.uint8]:
    """Decode images to [N, 3, size, size] in parallel (PIL leaves the interpreter's lock)."""
    images_NCHW = np.empty((len(paths), 3, size, size), np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        decoded: Iterable[NDArray[np.uint8]] = pool.map(lambda path: _image(path, size), paths)
        shown = tqdm(decoded, desc=f"decode {what}", total=len(paths), unit="img", disable=None)
        for position, image in enumerate(shown):
            images_NCHW[position] = image
    return images_NCHW


def _image(path: Path, size: int) -> NDArray[np.uint8]:
    """Read one image as [3, size, size]: the shorter side scaled to `size`, then centre-cropped."""
    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except FileNotFoundError:
        raise UserError(f"{path}: no such image. Check the list and its root.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path}: unreadable image ({error}). Replace or remove it.") from None
    if image.size != (size, size):
        scale = size / min(image.size)
        width, height = (max(size, round(side * scale)) for side in image.size)
        left, top = (width - size) // 2, (height - size) // 2
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        image = image.crop((left, top, left + size, top + size))
    return np.asarray(image).transpose(2, 0, 1)
