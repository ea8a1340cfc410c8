"""A store of images of unequal size: looked at first, built in blocks, gone on with, verified."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import flip
from imagenet import COUNTS, Miniature, make_miniature, save
from PIL import Image
from scripts import REPO, run
from torchvision import transforms

from cogloat.config.dataset import Dataset, Slots
from cogloat.data import store
from cogloat.data.frames import Framed
from cogloat.data.imageset import ImageSet, load_test_set, load_training_set, load_validation_set
from cogloat.data.longtail import write_split
from cogloat.data.rows import Rows
from cogloat.data.sources import blocks
from cogloat.data.sources.build import build_store
from cogloat.data.sources.shapes import lying
from cogloat.data.sources.summary import Summary
from cogloat.data.store import load_frames, load_split_images, verify_store
from cogloat.errors import UserError
from cogloat.runs.load import load_dataset, run_config

pytestmark = pytest.mark.long

CPU = torch.device("cpu")
FIRST = "train/n00000000/n00000000_0.JPEG"
LINES = sum(COUNTS)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature that nothing is done to."""
    folder = tmp_path_factory.mktemp("clean")
    make_miniature(folder)
    return folder


@pytest.fixture
def own(clean: Path, tmp_path: Path) -> Miniature:
    """A miniature of one's own."""
    shutil.copytree(clean, tmp_path / "own", copy_function=os.link)
    return Miniature(tmp_path / "own")


def configured(made: Miniature) -> Path:
    """Return a folder of the configuration that has the miniature."""
    config = made.folder / "config"
    shutil.copytree(REPO / "config", config)
    made.describe(config)
    return config


def dataset_of(made: Miniature, **more: object) -> Dataset:
    config = made.folder / "config"
    shutil.rmtree(config, ignore_errors=True)
    shutil.copytree(REPO / "config", config)
    name = f"mini{len(list(made.folder.parent.rglob('*.yaml')))}{time.monotonic_ns()}"
    made.describe(config, name, **more)
    return load_dataset(config, name)


def refused(made: Miniature, folder: Path) -> str:
    with pytest.raises(UserError) as told:
        build_store(dataset_of(made), folder, 2)
    assert not (folder / "store.json").exists()
    return str(told.value)


def replaced(path: Path, image: Image.Image, form: str = "JPEG", **how: object) -> None:
    """Put another image in a file's place; the file may be a link of another one."""
    path.unlink()
    image.save(path, form, **how)


# --- what is built ---


@pytest.fixture(scope="module")
def built(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store made by the script, and the folder of its configuration."""
    made = Miniature(clean)
    config, folder = configured(made), tmp_path_factory.mktemp("built") / "store"
    done = run(
        "fetch.py", "--config", config, "--dataset", "miniature", "--output", folder, "--threads", 2
    )
    assert done.returncode == 0, done.stderr
    assert Summary.read(folder / "summary.json").text() + "\n" == done.stderr
    return folder, config


def test_training_images_are_in_their_slots_and_the_others_are_torchvisions(built, clean):
    folder, _ = built
    made = Miniature(clean)
    images, labels = load_split_images(folder, "train", None)
    frames = load_frames(folder, "train", None)
    assert images.shape == (LINES, 3, 48, 72)
    assert torch.bincount(labels).tolist() == list(COUNTS)
    lines = made.list_of("train").read_text().splitlines()
    for row in range(0, LINES, 7):
        name, label = lines[row].split()
        image = Image.open(made.root / name).convert("RGB")
        stored = np.array(lying(image, Slots(short_side=48))).transpose(2, 0, 1)
        _, height, width = stored.shape
        assert frames[row].tolist() == [height, width, int(image.size[1] > image.size[0])]
        assert np.array_equal(images[row, :, :height, :width], stored)
        assert images[row, :, height:].sum() + images[row, :, :, width:].sum() == 0
        assert labels[row] == int(label)
    theirs = transforms.Compose([transforms.Resize(37), transforms.CenterCrop(32)])
    for part, name in (("test", "test"), ("validation", "val")):
        images, labels = load_split_images(folder, part, None)
        for image, label, line in zip(
            images, labels, made.list_of(name).read_text().splitlines(), strict=True
        ):
            file, known = line.split()
            expected = np.array(theirs(Image.open(made.root / file).convert("RGB")))
            assert np.array_equal(image, expected.transpose(2, 0, 1))
            assert label == int(known)


def test_sets_are_loaded_as_the_configuration_says(built, tmp_path):
    folder, config = built
    data = run_config(config, "miniature", "natural", "ce", 0, "train").data
    assert data.validation == "listed"
    _, labels = load_split_images(folder, "train", None)
    write_split(tmp_path / "natural.csv", np.arange(LINES), labels.numpy())
    training = load_training_set(folder, tmp_path / "natural.csv", data, CPU)
    batch = training.batch(torch.tensor([5, 0, 5]))
    assert isinstance(batch, Framed)
    assert torch.equal(batch.pixels[0], batch.pixels[2])
    frames = load_frames(folder, "train", np.array([5, 0, 5]))
    assert batch.height_B.tolist() == frames[:, 0].tolist()
    assert batch.width_B.tolist() == frames[:, 1].tolist()
    assert batch.transposed_B.tolist() == frames[:, 2].astype(bool).tolist()
    validation = load_validation_set(folder, None, data, CPU)
    assert validation is not None
    assert validation.counts_C.tolist() == [2] * len(COUNTS)
    assert load_test_set(folder, data, CPU).counts_C.tolist() == [3] * len(COUNTS)
    for change, message in (
        ({"store": None}, "its training images have slots. Check `store`"),
        ({"store": Slots(short_side=40)}, "are 48 x 72 pixels, not 40 x 60. Check `store.short_si"),
        ({"image_size": 24}, "images are 32 x 32 pixels, not 24 x 24. Check `image_size`"),
    ):
        other = data.model_copy(update=change)
        load, *more = (
            (load_test_set,) if "image_size" in change else (load_training_set, "natural.csv")
        )
        with pytest.raises(UserError, match=message):
            load(folder, *(tmp_path / name for name in more), other, CPU)


def test_a_large_array_stays_on_disk_and_gives_the_same_images(built, tmp_path, monkeypatch):
    folder, config = built
    data = run_config(config, "miniature", "natural", "ce", 0, "train").data
    _, labels = load_split_images(folder, "train", None)
    order = torch.randperm(LINES, generator=torch.Generator().manual_seed(0)).numpy()
    write_split(tmp_path / "some.csv", order, labels.numpy()[order])
    resident = load_training_set(folder, tmp_path / "some.csv", data, CPU)
    monkeypatch.setattr(store, "HELD", 1000)
    streamed = load_training_set(folder, tmp_path / "some.csv", data, CPU)
    assert isinstance(resident.images_NCHW, torch.Tensor)
    assert isinstance(streamed.images_NCHW, Rows)
    positions = torch.tensor([3, 500, 0, 3])

    def same(one: ImageSet, other: ImageSet) -> bool:
        mine, theirs = (images.batch(positions) for images in (one, other))
        assert isinstance(mine, Framed)
        assert isinstance(theirs, Framed)
        sides = torch.equal(mine.height_B, theirs.height_B)
        return sides and torch.equal(mine.pixels, theirs.pixels)

    assert same(resident, streamed)
    chosen = torch.arange(LINES).flip(0)
    assert same(resident.some(chosen), streamed.some(chosen))
    assert not same(resident, streamed.some(chosen))
    test, kept = load_test_set(folder, data, CPU), load_split_images(folder, "test", None)[0]
    assert isinstance(kept, Rows)
    assert torch.equal(test.batch(torch.arange(9)), kept.take(torch.arange(9)))
    flip(folder / "test_images.npy")  # is not looked at, but by who asks
    load_test_set(folder, data, CPU)
    with pytest.raises(UserError, match=r"test_images.npy: corrupt in images 0 to 119, counted"):
        verify_store(folder)
    flip(folder / "test_images.npy")
    verify_store(folder)


def test_damage_of_a_small_array_is_found_when_it_is_loaded(built):
    folder, _ = built
    flip(folder / "train_images.npy")
    with pytest.raises(UserError, match=r"train_images.npy: corrupt in images 0 to"):
        load_split_images(folder, "train", None)
    flip(folder / "train_images.npy")
    load_split_images(folder, "train", None)


def test_the_script_verifies_a_store_and_makes_nothing(built):
    folder, config = built
    line = ["--config", config, "--dataset", "miniature", "--output", folder, "--verify"]
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert run("fetch.py", *line).returncode == 0
    flip(folder / "train_sizes.npy")
    done = run("fetch.py", *line)
    flip(folder / "train_sizes.npy")
    assert done.returncode == 2
    assert "train_sizes.npy: corrupt, its SHA-256 is not the one in" in done.stderr
    assert set(folder.iterdir()) == set(before)
    assert (folder / "store.json").stat().st_mtime_ns == before[folder / "store.json"]


# --- what is odd ---


def test_odd_files_are_read_and_named(own, tmp_path):
    folder = own.root / "train/n00000000"
    draw = np.random.default_rng(0)
    picture = Image.fromarray(draw.integers(0, 256, (60, 90, 3), dtype=np.uint8))
    replaced(folder / "n00000000_0.JPEG", picture.convert("CMYK"))
    replaced(folder / "n00000000_1.JPEG", picture.convert("L"))
    replaced(folder / "n00000000_2.JPEG", picture, "PNG")
    replaced(folder / "n00000000_3.JPEG", picture.resize((1, 40)))
    summary = build_store(dataset_of(own), tmp_path / "store", 2)
    assert summary.converted["CMYK"].first == (FIRST,)
    assert summary.converted["PNG named JPEG"].first == (FIRST.replace("_0.", "_2."),)
    assert set(summary.converted) == {"CMYK", "PNG named JPEG"}
    images, _ = load_split_images(tmp_path / "store", "train", np.array([1, 2, 3]))
    frames = load_frames(tmp_path / "store", "train", np.array([1, 2, 3]))
    grey, png, _ = images
    assert torch.equal(grey[0], grey[1])
    expected = np.array(lying(picture, Slots(short_side=48))).transpose(2, 0, 1)
    assert np.array_equal(png[:, : expected.shape[1], : expected.shape[2]], expected)
    assert frames[2].tolist() == [1, 1, 1]


def test_missing_and_unreadable_files_are_all_named_before_anything_is_decoded(own, tmp_path):
    folder = own.root / "train/n00000001"
    for number in range(3):
        (folder / f"n00000001_{number}.JPEG").unlink()
    said = refused(own, tmp_path / "store").splitlines()
    assert said[0].endswith(": 3 problems:")
    assert all(f"n00000001_{number}.JPEG" in line for number, line in enumerate(said[1:]))
    for number in range(3):
        shutil.copy(folder / "n00000001_9.JPEG", folder / f"n00000001_{number}.JPEG")
    (folder / "n00000001_5.JPEG").unlink()
    (folder / "n00000001_5.JPEG").write_text("no image")
    (folder / "n00000001_6.JPEG").unlink()
    (folder / "n00000001_6.JPEG").touch()
    said = refused(own, tmp_path / "store").splitlines()
    assert said[0] == "ImageNet-LT in miniature: 2 problems:"
    assert "n00000001_5.JPEG: unreadable image (damaged, or none of" in said[1]
    assert "n00000001_6.JPEG: unreadable image (the file is empty)" in said[2]
    assert not (tmp_path / "store").exists()


def test_truncated_files_are_all_named_and_the_rest_need_not_be_decoded_again(
    own, tmp_path, monkeypatch
):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 30 * 3 * 48 * 72)
    dataset = dataset_of(own)
    names = ["n00000000_0", "n00000003_4"]
    for name in names:
        path = own.root / "train" / name.partition("_")[0] / f"{name}.JPEG"
        whole = path.read_bytes()
        path.unlink()
        path.write_bytes(whole[: len(whole) // 2])
    said = refused(own, tmp_path / "store").splitlines()
    assert said[0] == "ImageNet-LT in miniature: 2 problems:"
    assert all(
        name in line and "truncated" in line for name, line in zip(names, said[1:], strict=True)
    )
    for name in names:
        path = own.root / "train" / name.partition("_")[0] / f"{name}.JPEG"
        save(path, np.full((50, 60, 3), 99, np.uint8))
    decoded: list[str] = []
    read = blocks.np.zeros
    monkeypatch.setattr(blocks.np, "zeros", lambda *how: decoded.append("a block") or read(*how))
    build_store(dataset, tmp_path / "store", 2)
    assert len(decoded) == 2  # of 19 blocks of training images, and three parts
    verify_store(tmp_path / "store")
    assert not (tmp_path / "store/unfinished").exists()


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (
            lambda root: [file.rename(root / "val" / file.name) for file in root.glob("val/*/*")],
            "120 of 759 listed images are missing. Most lie flat, in the folder above that of",
        ),
        (
            lambda root: [shutil.rmtree(own) for own in sorted(root.glob("train/*"))[:30]],
            "Of 80 folders that are listed 30 are not there: it is a part of the set (such as",
        ),
        (
            lambda root: [file.unlink() for file in sorted(root.glob("train/*/*"))[::2]],
            "The folders of their classes are there, and most of these images are not in them",
        ),
        (
            lambda root: [
                (shutil.rmtree(own), Path(f"{own}.tar").touch()) for own in root.glob("train/*")
            ],
            "Most are in an archive beside the folder of their class, <class>.tar. Unpack each",
        ),
    ],
)
def test_the_likely_cause_is_said_where_many_are_missing(own, tmp_path, damage, cause):
    damage(own.root)
    said = refused(own, tmp_path / "store").splitlines()
    assert len(said) == 12
    assert "problems, the first 10 of which are:" in said[0]
    assert cause in said[-1]


def test_a_list_that_is_not_the_official_one_is_refused_before_its_images_are_looked_at(
    own, tmp_path
):
    source = own.source
    text = own.list_of("val").read_text()
    shutil.rmtree(own.root / "train")
    own.list_of("val").unlink()
    own.list_of("val").write_text(text + text.splitlines()[0].replace("_60.", "_61.") + "\n")
    with pytest.raises(UserError) as told:
        build_store(dataset_of(own, source=source), tmp_path / "store", 1)
    known = source["blobs"]["validation"]
    assert str(told.value).startswith(f"{own.list_of('val')}: its blob id is ")
    assert f", not {known}: an edited list, or that of another set" in str(told.value)
    assert "\n" not in str(told.value)
    line = ["git", "hash-object", str(own.list_of("train"))]
    git = subprocess.run(line, capture_output=True, text=True, check=True)
    assert git.stdout.strip() == source["blobs"]["train"]


# --- killed ---


def test_a_build_that_is_killed_twice_ends_in_the_same_hashes(clean, built, tmp_path):
    """By SIGKILL in the middle of its work, then in the middle of the rest."""
    _, config = built
    code = (
        "import sys, time; sys.path[:0] = [sys.argv[1]]\n"
        "from pathlib import Path\n"
        "from cogloat.data.sources import blocks, build\n"
        "from cogloat.runs.load import load_dataset\n"
        "blocks.BLOCK_BYTES = 10 * 3 * 48 * 72\n"
        "read = build.read_image\n"
        "build.read_image = lambda *how, **more: (time.sleep(.01), read(*how, **more))[1]\n"
        "build.build_store(load_dataset(Path(sys.argv[2]), 'miniature'), Path(sys.argv[3]), 2)\n"
    )
    folder = tmp_path / "store"
    notes = folder / "unfinished/train_images.npy.blocks"
    line = [sys.executable, "-c", code, str(REPO / "src"), str(config), str(folder)]

    def blocks_done() -> int:
        return notes.read_bytes().count(b'"sha256"') if notes.exists() else 0

    for kill in (1, 2):
        before = blocks_done()
        process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        while blocks_done() < before + 5:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (folder / "store.json").exists(), kill
    with notes.open("ab") as file:
        file.write(b'\n{"block": 3, "key": "')  # a line that a kill cut off
    begun = blocks_done()
    assert 10 <= begun < 50
    subprocess.run(line, check=True, stderr=subprocess.DEVNULL)
    shutil.rmtree(tmp_path / "whole", ignore_errors=True)
    subprocess.run([*line[:-1], str(tmp_path / "whole")], check=True, stderr=subprocess.DEVNULL)
    manifests = [(own / "store.json").read_text() for own in (folder, tmp_path / "whole")]
    assert manifests[0] == manifests[1]
    assert len(json.loads(manifests[0])["files"]["train_images.npy"]["blocks"]["sha256"]) == 56
    verify_store(folder)
    for name in json.loads(manifests[0])["files"]:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_two_builds_of_one_store_are_refused(built, clean, tmp_path, monkeypatch):
    folder = tmp_path / "store"
    dataset = dataset_of(Miniature(clean))
    (folder / "unfinished").mkdir(parents=True)
    sidecar = folder / "unfinished/train_images.npy.blocks"
    with blocks._locked(sidecar), pytest.raises(UserError, match="another process builds this"):
        build_store(dataset, folder, 1)


def test_a_disk_that_is_too_small_is_told_before_anything_is_decoded(clean, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(blocks.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"needs 0.0 GB, and 0.0 GB are free. Free some space"):
        build_store(dataset_of(Miniature(clean)), tmp_path / "store", 1)


# --- streamed ---


def test_memory_is_flat_while_a_large_array_is_streamed(tmp_path):
    """Two gigabytes, in another process; the system's cache of the disk is not the process's."""
    path = tmp_path / "images.npy"
    rows, shape = 3200, (3, 384, 576)
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (rows, *shape))
    for row in range(rows):
        array[row, 0, 0, 0] = row % 251
    array.flush()
    del array
    code = (
        "import sys, resource; sys.path[:0] = [sys.argv[1]]\n"
        "import numpy as np, torch\n"
        "from pathlib import Path\n"
        "from cogloat.data.rows import Rows\n"
        "from cogloat.readers.arrays import read_array\n"
        "rows = Rows(read_array(Path(sys.argv[2]), 'u', 4, '', memory_map=True))\n"
        "torch.set_num_threads(1)\n"
        "def pass_over():\n"
        "    for at in torch.randperm(len(rows)).split(32):\n"
        "        assert torch.equal(rows.take(at)[:, 0, 0, 0], (at % 251).byte())\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print(before, pass_over(), pass_over())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(REPO / "src"), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    before, once, twice = map(float, done.stdout.split())
    assert once - before < 120  # MB: three batches of 20, of 2,025
    assert twice - once < 30


def test_a_faulty_disk_is_an_error_that_names_the_file(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((4, 3, 8, 8), np.uint8))
    rows = Rows(np.load(tmp_path / "images.npy", mmap_mode="r"))
    os.truncate(tmp_path / "images.npy", 500)
    with pytest.raises(UserError, match=r"images.npy: has become shorter while it was read"):
        rows.take(torch.arange(4))
