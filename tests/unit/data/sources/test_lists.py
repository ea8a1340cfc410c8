"""List files: what a line may be, and what is said of one that is not."""

import os
import shutil
from pathlib import Path

import pytest
from pictures import in_lists, make_images

from cogloat.config.dataset import ListFile
from cogloat.data.sources.listing import Listing
from cogloat.data.sources.lists import list_lists
from cogloat.errors import UserError

CAT, DOG = "train/cat/0.png", "train/dog/2.png"
FORM = "is not 'path label', one space between them. Correct the line."
LABEL = "is not one of 0 to 1; labels start at 0. Correct the label, or `classes`"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_images(tmp_path / "images")
    return tmp_path


def listed(folder: Path, train: str, classes: int = 2) -> Listing:
    return list_lists(ListFile(**in_lists(folder, train)), classes)


def refused(folder: Path, train: str, classes: int = 2) -> str:
    with pytest.raises(UserError) as error:
        listed(folder, train, classes)
    return str(error.value)


def test_paths_and_labels_are_read_in_their_order(folder):
    files = listed(folder, f"{DOG} 1\n{CAT} 0\n").parts["train"]
    assert [(file.name, file.label) for file in files] == [(DOG, 1), (CAT, 0)]
    assert files[0].path == str(folder / "images" / DOG)


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (f"{DOG} 1\n{CAT} 0\n", ["cat", "dog"]),
        (f"{DOG} 1\n{CAT} 0\ntrain/cat/1.png 1\n", ["0", "1"]),  # dogs of two folders
        ("train/cat/1.png 1\ntrain/cat/0.png 0\n", ["0", "1"]),  # one folder of both
        ("train/cat/1.png 1\nlone.png 0\n", ["0", "1"]),
    ],
)
def test_classes_are_called_by_their_folders_if_each_has_its_own(folder, lines, names):
    shutil.copy(folder / "images" / CAT, folder / "images/lone.png")
    assert listed(folder, lines).classes == names


@pytest.mark.parametrize(
    "text",
    [
        f"{DOG} 1\n{CAT} 0",
        f"{DOG} 1\r\n{CAT} 0\r\n",
        f"{DOG} 1\r{CAT} 0\r",
        f"\ufeff{DOG} 1\n{CAT} 0\n",
        f"\n{DOG} 1  \n\n  {CAT} 0\t\n \n",
        f"{DOG} 01\n{CAT} 0\n",
        f"train/cat/../dog/2.png 1\n{CAT} 0\n",
        f"{{root}}/images/{DOG} 1\n{CAT} 0\n",
    ],
)
def test_what_editors_and_systems_make_of_a_list_is_read(folder, text):
    files = listed(folder, text.format(root=folder)).parts["train"]
    assert [file.label for file in files] == [1, 0]
    assert Path(files[0].path).samefile(folder / "images" / DOG)


def test_paths_can_have_spaces_and_any_letters(folder):
    for name in ("a cat.png", "кит.png", "cat\u2028.png"):
        shutil.copy(folder / "images" / CAT, folder / "images" / name)
    files = listed(folder, f"{DOG} 1\na cat.png 0\nкит.png 0\ncat\u2028.png 0\n").parts["train"]
    assert [file.name for file in files[1:]] == ["a cat.png", "кит.png", "cat\u2028.png"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (DOG, f"line 2: {DOG} {FORM}"),
        ("1", f"line 2: 1 {FORM}"),
        (f"{DOG}\t1", rf"line 2: '{DOG}\t1' {FORM}"),
        ("a dog.png\t1", rf"line 2: 'a dog.png\t1' {FORM}"),
        (f"{DOG},1", f"line 2: {DOG},1 {FORM}"),
        (f"{DOG}, 1", f"line 2: '{DOG}, 1' {FORM}"),
        (f"{DOG};1", f"line 2: {DOG};1 {FORM}"),
        (f"{DOG}  1", f"line 2: '{DOG}  1' {FORM}"),
        (f"{DOG} 2", f"line 2: label 2 {LABEL}"),
        (f"{DOG} -1", f"line 2: label -1 {LABEL}"),
        (f"{DOG} +1", f"line 2: label +1 {LABEL}"),
        (f"{DOG} 1.0", f"line 2: label 1.0 {LABEL}"),
        (f"{DOG} 1e0", f"line 2: label 1e0 {LABEL}"),
        (f"{DOG} 0x1", f"line 2: label 0x1 {LABEL}"),
        (f"{DOG} 1_0", f"line 2: label 1_0 {LABEL}"),
        (f"{DOG} dog", f"line 2: label dog {LABEL}"),
        (f"{DOG} \uff11", rf"line 2: label '\uff11' {LABEL}"),
        (f"{DOG} \u0661", rf"line 2: label '\u0661' {LABEL}"),
        (f"{DOG} {'1' * 30}", f"line 2: label {'1' * 30} {LABEL}"),
        (f"{DOG} {'1' * 9999}", f"line 2: label {'1' * 57}... {LABEL}"),
        ("train/dog/9.png 1", "line 2: no such image: {root}/images/train/dog/9.png. Correct the"),
        (f"../{DOG} 1", f"line 2: no such image: {{root}}/images/../{DOG}."),
        ("train/dog 1", "line 2: {root}/images/train/dog is a folder. List the images in it."),
        ("pipe 1", "line 2: {root}/images/pipe is neither file nor folder. Remove the line."),
        ("x" * 300 + " 1", "cannot be reached (File name too long"),
        (f"{CAT} 1", f"line 2: {CAT} is in line 1 already. Remove one of the lines."),
        ("train//dog/../cat/0.png 0", "0.png is in line 1 already. Remove one of the lines."),
    ],
)
def test_line_that_is_not_valid_is_named_with_the_fix(folder, line, words):
    os.mkfifo(folder / "images/pipe")
    message = refused(folder, f"{CAT} 0\n{line}\n{DOG} 1\n")
    assert f"{folder}/train.txt: {words.format(root=folder)}" in message or (
        message.startswith(f"{folder}/train.txt: line 2: ") and words in message
    )
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "train.txt: the list is empty. Add lines 'path label'."),
        ("\n \n", "train.txt: the list is empty. Add lines 'path label'."),
        (
            f"{CAT} 0\n",
            "train.txt: there is no image of 1 of the 2 classes, such as 1. Add some, or",
        ),
        ("a\0b 0\n", "train.txt: line 1: has a NUL byte"),
    ],
)
def test_list_that_is_not_valid_is_named_with_the_fix(folder, text, words):
    assert words in refused(folder, text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            f"{CAT} 0\n".encode("utf-16"),
            "train.txt: the text is UTF-16, not UTF-8. Save it as",
        ),
        ("chère.png 0\n".encode("latin-1"), "train.txt: line 1: byte 0xe8 is not UTF-8"),
    ],
)
def test_list_in_another_encoding_is_named_with_the_fix(folder, content, words):
    source = ListFile(**in_lists(folder, ""))
    Path(source.train).write_bytes(content)
    with pytest.raises(UserError, match=words):
        list_lists(source, 2)


def test_missing_list_or_root_is_named(folder):
    source = in_lists(folder, f"{DOG} 1\n{CAT} 0\n")
    with pytest.raises(UserError, match=r"lost.txt: the list cannot be read \(No such file"):
        list_lists(ListFile(**source | {"test": str(folder / "lost.txt")}), 2)
    with pytest.raises(UserError, match=r"images: the list cannot be read \(Is a directory"):
        list_lists(ListFile(**source | {"test": str(folder / "images")}), 2)
    with pytest.raises(UserError, match=r"lost: no such folder. Correct source.root"):
        list_lists(ListFile(**source | {"root": str(folder / "lost")}), 2)
    (folder / "linked").symlink_to("/elsewhere")
    with pytest.raises(
        UserError, match=r"train: \S+linked is a link to /elsewhere, which is not there"
    ):
        list_lists(ListFile(**source | {"root": str(folder / "linked/train")}), 2)


def test_all_lines_that_are_not_valid_are_said_at_once_the_first_ten_by_name(folder):
    text = f"{CAT} 0\n{DOG} 1\n" + "lost.png 0\n" * 12 + f"{CAT} 7\n"
    lines = refused(folder, text).splitlines()
    both = f"{folder}/train.txt and {folder}/test.txt"
    assert lines[0] == f"{both}: 13 problems, the first 10 of which are:"
    assert lines[11].startswith("12 of 16 listed images are missing. ")
    assert len(lines) == 12


def test_lines_of_both_lists_are_said_at_once(folder):
    source = in_lists(folder, f"{CAT} 5\n{DOG} 1\n", test="lost.png 0\n")
    with pytest.raises(
        UserError, match=r"2 problems:\n.*train.txt: line 1: .*\n.*test.txt: line 1"
    ):
        list_lists(ListFile(**source), 2)


def test_labels_that_start_at_one_are_told_that_they_start_at_zero(folder):
    message = refused(folder, f"{CAT} 1\n{DOG} 2\n")
    assert message == (
        f"{folder}/train.txt: line 2: label 2 is not one of 0 to 1; labels start at 0. Correct the "
        "label, or `classes` in the dataset's file."
    )
