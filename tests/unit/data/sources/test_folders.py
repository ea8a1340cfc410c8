"""Which files of an image folder are images of which class, and what is said of the others."""

import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from pictures import in_folder, make_images
from torchvision.datasets import ImageFolder as TorchvisionFolder

from cogloat.config.dataset import ImageFolder
from cogloat.data.sources.folders import list_folder
from cogloat.data.sources.listing import Listing
from cogloat.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image folder of two classes, three training images and two test images each."""
    return make_images(tmp_path / "images")


def listed(root: Path, classes: int = 2) -> Listing:
    return list_folder(ImageFolder(**in_folder(root)), classes)


def names(listing: Listing, split="train") -> list[str]:
    return [file.name for file in listing.parts[split]]


def refused(root: Path, classes: int = 2) -> str:
    with pytest.raises(UserError) as error:
        listed(root, classes)
    return str(error.value)


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "train/dog/0.png", root / name)


def test_classes_and_files_are_sorted_by_name(root):
    assert names(listed(root)) == [
        f"train/{name}/{i}.png" for name in ("cat", "dog") for i in "012"
    ]
    assert [file.label for file in listed(root).parts["train"]] == [0, 0, 0, 1, 1, 1]
    assert listed(root).classes == ["cat", "dog"]


def test_sub_folders_and_linked_folders_are_taken_in_the_order_of_torchvision(root, tmp_path):
    put(root, "train/cat/a/x.png", "train/cat/a/b/y.png", "train/cat/a-b/z.png", "train/cat/9.png")
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(root / "train/dog/1.png", tmp_path / "elsewhere" / "w.png")
    (root / "train/dog/linked").symlink_to(tmp_path / "elsewhere")
    (root / "train/dog/link.png").symlink_to(root / "train/dog/0.png")
    theirs = TorchvisionFolder(root / "train")
    ours = listed(root)
    assert [(file.path, file.label) for file in ours.parts["train"]] == theirs.samples
    assert ours.classes == theirs.classes
    assert names(ours).count("train/dog/linked/w.png") == 1


def test_what_systems_and_notebooks_leave_is_passed_over_and_counted(root):
    hidden = (".DS_Store", "cat/.DS_Store", "cat/._0.png", ".ipynb_checkpoints/0.png", ".git/x.png")
    of_systems = ("cat/Thumbs.db", "dog/desktop.ini", "__MACOSX/0.png", "cat/@eaDir/0.png")
    put(root, *(f"train/{name}" for name in (*hidden, *of_systems)), "train/labels.csv")
    before = names(listed(root))
    assert len(before) == 6
    assert {why: len(found) for why, found in listed(root).passed_over.items()} == {
        "hidden": 5,
        "left by an operating system": 4,
        "in no class's folder": 1,
    }


@pytest.mark.parametrize("name", ["grey cat", "chat à poil", "кот", "CAT", "cat.d", "-h", "$(x)"])
def test_a_class_can_have_any_name(root, name):
    for split in ("train", "test"):
        (root / split / "dog").rename(root / split / name)
    assert listed(root).classes == sorted(["cat", name])
    assert len(names(listed(root))) == 6


def test_names_that_differ_in_case_or_are_no_text_are_files_of_their_own(root):
    put(root, "train/cat/A.png", "train/cat/a.png", "train/cat/a.PNG")
    shutil.copy(root / "train/cat/a.png", os.fsencode(root) + b"/train/cat/\xff.png")
    assert len(names(listed(root))) == 10


def break_link(root: Path) -> None:
    (root / "train/cat/9.png").symlink_to("../lost.png")


def link_to_itself(root: Path) -> None:
    (root / "train/cat/9.png").symlink_to("9.png")


def link_to_above(root: Path) -> None:
    (root / "train/cat/again").symlink_to(root / "train")


def two_links_in_a_circle(root: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (root / "train/cat" / one).mkdir()
        (root / "train/cat" / one / "link").symlink_to(root / "train/cat" / other)


def make_pipe(root: Path) -> None:
    os.mkfifo(root / "train/cat/pipe.png")


def move_away(root: Path) -> None:
    shutil.rmtree(root)
    root.symlink_to("/elsewhere")


def lose_class(root: Path) -> None:
    shutil.rmtree(root / "train/cat")
    (root / "train/cat").symlink_to("lost")


DAMAGE = {
    "dangling": (break_link, "train/cat/9.png: a link to ../lost.png, which is not there"),
    "itself": (link_to_itself, "train/cat/9.png: cannot be reached (Too many levels of symbolic"),
    "above": (link_to_above, "again/cat: a link to a folder that it lies in. Remove the link."),
    "circle": (two_links_in_a_circle, "a link to a folder that it lies in. Remove the link."),
    "pipe": (make_pipe, "train/cat/pipe.png: neither file nor folder. Remove it."),
    "class": (
        lose_class,
        "train/cat: a link to lost, which is not there. Mend the link, or remove it",
    ),
    "stray": (
        lambda root: put(root, "train/9.png"),
        "train/9.png: this image lies in no class's folder. Move it into one, or away.",
    ),
    "gone": (
        lambda root: shutil.rmtree(root / "test"),
        "images/test: no such folder. It must hold one folder a class.",
    ),
    "file": (
        lambda root: (shutil.rmtree(root / "test"), (root / "test").write_text("")),
        "images/test: no such folder. It must hold one folder a class.",
    ),
    "elsewhere": (
        move_away,
        "images is a link to /elsewhere, which is not there. Mend the link, or",
    ),
    "empty class": (
        lambda root: [path.unlink() for path in (root / "train/cat").iterdir()],
        "train/cat: the class has no image. Add some, or remove the class.",
    ),
    "class of hidden files": (
        lambda root: [
            path.rename(path.with_name(f".{path.name}")) for path in (root / "train/cat").iterdir()
        ],
        "train/cat: the class has no image. Add some, or remove the class.",
    ),
    "one part": (
        lambda root: put(root, "train/emu/0.png", "train/fox/0.png", "test/gnu/0.png"),
        "images/test: has no folder of classes that the other part has: 'emu', 'fox'. Add",
    ),
    "other part": (
        lambda root: put(root, "train/emu/0.png", "train/fox/0.png", "test/gnu/0.png"),
        "images/train: has no folder of classes that the other part has: 'gnu'. Add",
    ),
    "more classes": (
        lambda root: put(root, "train/emu/0.png", "test/emu/0.png"),
        "images: the source has 3 classes, not 2. Change `classes` in the dataset's file.",
    ),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_what_is_wrong_is_named_with_the_fix(root, damage, words):
    damage(root)
    assert words in refused(root)


def test_everything_that_is_wrong_is_said_at_once_the_first_ten_by_name(root):
    for number in range(15):
        (root / f"train/cat/{number}.gif").symlink_to("lost")
    make_pipe(root)
    lines = refused(root).splitlines()
    assert lines[0] == f"{root}: 16 problems, the first 10 of which are:"
    assert len(lines) == 11


def test_classes_that_look_the_same_are_told_apart(root):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        (root / split / "dog").rename(root / split / unicodedata.normalize(form, "chère"))
    assert "images/test: has no folder of classes that the other part has: 'chère'" in (
        refused(root)
    )
    assert r"images/train: has no folder of classes that the other part has: 'che\u0300re'" in (
        refused(root)
    )


@pytest.mark.slow
def test_folder_that_cannot_be_read_is_named(root):
    (root / "train/cat/private").mkdir(mode=0)
    code = (
        "import sys; from cogloat.data.sources.folders import list_folder;"
        "from cogloat.config.dataset import ImageFolder; from cogloat import guard;"
        "guard.install();"
        "list_folder(ImageFolder(kind='image_folder', path=sys.argv[1]), 2)"
    )
    # root may read everywhere unless that right is taken from it
    rights = "-dac_override,-dac_read_search"
    without = ["setpriv", "--bounding-set", rights] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*without, sys.executable, "-c", code, root],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "train/cat/private: cannot be read (Permission denied). Mend its rights" in done.stderr
