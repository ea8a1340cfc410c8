"""The CIFAR archives, read by torchvision, which knows the checksums of what is in them."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from gzip import BadGzipFile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100

from cogloat.config.address import file_name
from cogloat.config.dataset import TorchvisionCifar
from cogloat.data.labels import SPLITS, Split
from cogloat.data.sources.download import fetch
from cogloat.data.store import Images
from cogloat.errors import UserError

LARGEST_MEMBER = 200 * 2**20  # bytes; CIFAR-100's training images have 148 * 2**20


def read_cifar(source: TorchvisionCifar, raw: Path) -> tuple[dict[Split, Images], list[str]]:
    """Return both parts and the classes' names.

    Args:
        source: says which of the two, and where it comes from.
        raw: folder of the archive, which is downloaded if it is not there. Nothing else in it is
            touched.

    Raises:
        UserError: if the archive cannot be had, or is not the released one.
    """
    archive = raw / file_name(source.url)
    fetch(source.url, source.sha256, source.timeout, archive)
    dataset = CIFAR10 if source.name == "cifar10" else CIFAR100
    with TemporaryDirectory(prefix="cogloat-") as folder:
        try:
            _unpack(archive, dataset, Path(folder))
            read = {split: dataset(folder, train=split == "train") for split in SPLITS}
        except RuntimeError:
            raise _unlike(source, archive, "its files have other checksums") from None
        except (tarfile.TarError, BadGzipFile, zlib.error, EOFError) as error:
            reason = str(error).partition("\n")[0].rstrip(".:")
            raise _unlike(source, archive, reason) from None
    parts = {
        split: Images(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.array(part.targets))
        for split, part in read.items()
    }
    return parts, list(read["train"].classes)


def _unpack(archive: Path, dataset: type[CIFAR10], folder: Path) -> None:
    """Unpack what torchvision reads, and nothing else."""
    files = [name for name, _ in [*dataset.train_list, *dataset.test_list]]
    missing = {f"{dataset.base_folder}/{name}" for name in [*files, dataset.meta["filename"]]}
    (folder / dataset.base_folder).mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name in missing and member.isreg() and member.size <= LARGEST_MEMBER:
                # by its name, which is one of ours: Debian 12's Python has no filters for extract
                packed = tar.extractfile(member)
                assert packed is not None  # it is a file
                with packed, (folder / member.name).open("wb") as file:
                    shutil.copyfileobj(packed, file)
                missing.remove(member.name)
    if missing:
        raise tarfile.ReadError(f"it has no {min(missing)} of the right size")


def _unlike(source: TorchvisionCifar, archive: Path, reason: str) -> UserError:
    return UserError(
        f"{archive}: not the released {source.name} archive ({reason}). Correct source.url and "
        "source.sha256, and delete the file."
    )
