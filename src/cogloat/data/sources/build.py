"""A store of images of unequal size: training images in slots, the others as they are tested."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from PIL import features

from cogloat.config.dataset import Dataset, ImageFolder, ListFile, Slots
from cogloat.data.labels import Split
from cogloat.data.sources.blocks import Built, Plan, build, remove_notes
from cogloat.data.sources.decode import check_headers, read_image
from cogloat.data.sources.inventory import list_images
from cogloat.data.sources.listing import ImageFile, Listing, refuse
from cogloat.data.sources.shapes import Shape, lying, of_tests, stands
from cogloat.data.sources.summary import Summary, Told, summarise
from cogloat.data.store import Array, begin_store, end_store, write_array
from cogloat.errors import UserError

UNFINISHED = "unfinished"  # folder of a store's arrays while they are built


def build_store(dataset: Dataset, folder: Path, threads: int) -> Summary:
    """Write a dataset's store; one that was begun goes on, and ends in the same hashes.

    All files are looked at before one is decoded.

    Args:
        dataset: of image files, whose store has slots.
        folder: where to; an earlier store is replaced.
        threads: that decode; each holds some 32 MB in memory.

    Raises:
        UserError: if a file is missing or gives no image, naming the first of all that do not.
    """
    assert isinstance(dataset.source, ImageFolder | ListFile)
    assert dataset.store is not None
    listing, problems = list_images(dataset), list[UserError]()
    for split, files in listing.parts.items():
        check_headers(files, threads, split, problems)
    refuse(problems, dataset.label)
    begin_store(folder)
    plans = {
        split: _plan(dataset, dataset.store, folder / UNFINISHED, split, files)
        for split, files in listing.parts.items()
    }
    built = {split: build(plan, threads, split, problems) for split, plan in plans.items()}
    refuse(problems, dataset.label)
    return _finish(folder, listing, plans, {key: own for key, own in built.items() if own})


def _plan(
    dataset: Dataset, slots: Slots, folder: Path, split: Split, files: list[ImageFile]
) -> Plan:
    """Return what is built of a part."""
    assert isinstance(dataset.source, ImageFolder | ListFile)
    size, background = dataset.image_size, dataset.source.background
    if split == "train":
        place, form = (slots.short_side, slots.long_side), "lying"
        shape: Shape = partial(lying, slots=slots)
    else:
        place, form, shape = (size, size), "test", of_tests(size, slots)
    decoder = f"Pillow {PIL.__version__}, JPEG {features.version('jpg')}"
    return Plan(
        folder / f"{split}_images.npy",
        files,
        place,
        partial(read_image, shape=shape, background=background),
        f"{form}, background {background}, {decoder}",
    )


def _finish(
    folder: Path, listing: Listing, plans: Mapping[Split, Plan], built: Mapping[Split, Built]
) -> Summary:
    """Give complete arrays their place, write what belongs to them, and return what there is."""
    described: dict[str, Array] = {}
    told: dict[Split, Told] = {}
    for split, plan in plans.items():
        files, (blocks, rows) = listing.parts[split], built[split]
        labels_N = np.array([file.label for file in files])
        described[plan.path.name] = Array(shape=plan.shape, blocks=blocks)
        described |= write_array(folder / f"{split}_labels.npy", labels_N)
        if split == "train":
            frames_N3 = [(*row.stored, stands(row.size)) for row in rows]
            described |= write_array(folder / "train_sizes.npy", np.array(frames_N3, np.int32))
        converted = _converted(files, built[split])
        sizes_N2 = np.array([row.size for row in rows])
        told[split] = Told(labels_N, sizes_N2, [bytes.fromhex(r.digest) for r in rows], converted)
    for plan in plans.values():
        plan.path.replace(folder / plan.path.name)
    end_store(folder, described, listing.classes)
    for plan in plans.values():
        remove_notes(plan.path)
    (folder / UNFINISHED).rmdir()
    return summarise(told, listing.classes, listing)


def _converted(files: list[ImageFile], built: Built) -> dict[str, list[str]]:
    converted: dict[str, list[str]] = {}
    for file, row in zip(files, built.rows, strict=True):
        for change in row.changes:
            converted.setdefault(change, []).append(file.name)
    return converted
