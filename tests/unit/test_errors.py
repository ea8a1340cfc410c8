"""What is said of an error that is no fault of the code: the thing, and the fix."""

import errno
import os
import socket
import sys
from pathlib import Path

import pytest

from cogloat.data.store import load_split_images
from cogloat.errors import FIXES, UserError, explain, needing_memory


def system(number, path="results/x.csv"):
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("queue: 5 is odd. Make it even."), ["queue: 5 is odd. Make it even."]),
        (system(errno.ENOENT), ["results/x.csv: no such file", "Check the path"]),
        (system(errno.ENOTDIR), ["a part of the path is a file", "Choose another path"]),
        (system(errno.EISDIR), ["this is a folder, a file is needed"]),
        (system(errno.EEXIST), ["is in the way", "Remove it"]),
        (system(errno.ENOTEMPTY), ["not empty", "Empty it"]),
        (system(errno.ELOOP), ["links lead in a circle", "Mend the links"]),
        (system(errno.ENAMETOOLONG), ["name is too long", "Choose a shorter one"]),
        (system(errno.EILSEQ), ["no such letters", "Choose another name"]),
        (system(errno.EINVAL), ["Choose another path"]),
        (system(errno.EACCES), ["no permission", "Check who owns"]),
        (system(errno.EPERM), ["not permitted", "Check who owns"]),
        (system(errno.EROFS), ["read-only", "Choose another folder"]),
        (system(errno.ENOSPC), ["the disk is full", "Free some space"]),
        (system(errno.EDQUOT), ["quota is used up", "Free some space"]),
        (system(errno.EFBIG), ["larger than this machine allows", "`ulimit -f`"]),
        (system(errno.EMFILE), ["too many files are open in one process", "`ulimit -n`"]),
        (system(errno.ENFILE), ["too many files are open on this machine", "fewer jobs"]),
        (system(errno.EAGAIN), ["processes or threads", "`ulimit -u`"]),
        (system(errno.EIO), ["has a fault", "Ask who runs the machine"]),
        (system(errno.ESTALE), ["network disk has lost the file", "Run the same command again"]),
        (system(errno.ENOTCONN), ["not connected", "Mount it again"]),
        (system(errno.EBUSY), ["another program is using it", "End that program"]),
        (system(errno.ETXTBSY), ["running just now", "Wait"]),
        (system(errno.ENOLCK), ["gives no locks", "Choose a folder on another disk"]),
        (system(errno.EOPNOTSUPP), ["cannot do this", "Choose a folder on another disk"]),
        (system(errno.EXDEV), ["different disks", "Choose a folder"]),
        (system(errno.EPIPE), ["reading the output has ended", "write to a file"]),
        (system(errno.ENOEXEC), ["not a program for this machine", "Install"]),
        (system(errno.ECONNREFUSED, None), ["nobody answers", "Check the network"]),
        (system(errno.EOVERFLOW), ["results/x.csv: Value too large", "Check the path"]),
        (OSError("3 requested and 1 written"), ["3 requested and 1 written. Check the path"]),
        (socket.gaierror(-2, "Name or service not known"), ["Name or service not known. Check"]),
        (MemoryError(), ["out of memory. Use a GPU or a machine with more of it"]),
        (
            MemoryError("Unable to allocate 5.59 GiB for an array"),
            ["out of memory. Use", "(Unable to allocate 5.59 GiB for an array)"],
        ),
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0"),
            ["out of memory. Use", "(CUDA out of memory. Tried to allocate 2.00 GiB.)"],
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), ["out of memory"]),
        (system(errno.ENOMEM), ["out of memory", "Cannot allocate memory"]),
        (OSError("libcublas.so: failed to map segment from shared object"), ["out of memory"]),
        (
            ImportError(
                "IMPORTANT: READ THIS\n\nlibx.so: failed to map segment from shared object"
            ),
            ["out of memory", "(libx.so: failed to map segment from shared object)"],
        ),
        (RuntimeError("can't start new thread"), ["threads can be started", "`ulimit -u`"]),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            [f"torch is not installed for {sys.executable}", "make env", "--sdm apptainer"],
        ),
        (
            ModuleNotFoundError("No module named 'yaml.nodes'", name="yaml.nodes"),
            ["yaml is not installed", ". .venv/bin/activate"],
        ),
        (
            ImportError("cannot import name 'Self' from 'typing'", name="typing"),
            ["cannot be used: cannot import name 'Self' from 'typing'", "make env"],
        ),
        (
            ImportError("libgomp.so.1: cannot open shared object file: No such file"),
            ["cannot be used: libgomp.so.1: cannot open shared object file", "make env"],
        ),
    ],
    ids=repr,
)
def test_what_is_no_fault_of_the_code_is_one_line_with_the_fix(error, words):
    message = explain(error)
    assert message is not None
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "error",
    [
        TypeError("unsupported operand"),
        KeyError("epoch"),
        RuntimeError("shapes differ"),
        AssertionError(),
        RecursionError("maximum recursion depth exceeded"),
        ModuleNotFoundError("No module named 'cogloat.file'", name="cogloat.file"),
        ImportError("cannot import name 'x' from 'cogloat.files'", name="cogloat.files"),
    ],
    ids=repr,
)
def test_a_fault_of_the_code_is_not_explained_away(error):
    assert explain(error) is None


def test_every_errno_has_a_sentence_with_a_fix():
    for number in errno.errorcode:
        message = explain(system(number))
        assert message is not None
        assert message.count(". ") >= 1, message
        assert message.endswith((".", ")")), message
    assert all(fix[0].islower() and not fix.endswith(".") for fix in FIXES.values())


def test_link_that_leads_nowhere_is_told_with_its_end(tmp_path):
    link = tmp_path / "config.yaml"
    link.symlink_to("gone.yaml")
    with pytest.raises(OSError, match="No such file") as caught:
        link.read_text()
    assert explain(caught.value) == (
        f"{link}: a link to gone.yaml, which is not there. Mend the link, or remove it."
    )


def test_lack_of_memory_says_what_it_was_needed_for():
    """By the innermost block: what was going on, not what that was part of."""
    with (
        pytest.raises(MemoryError) as caught,
        needing_memory("training on batches of 128 images (a smaller `batch_size` needs less)"),
        needing_memory("loading the test images from data/digits"),
    ):
        raise MemoryError
    message = explain(caught.value)
    assert message is not None
    assert message.startswith("out of memory while loading the test images from data/digits. Use")
    assert "batch_size" not in message


@pytest.mark.parametrize("action", [Path.read_text, lambda path: path.mkdir(parents=True)])
def test_broken_link_on_the_way_is_named_and_in_the_image_bound(action, tmp_path, monkeypatch):
    link = tmp_path / "data"
    link.symlink_to("/elsewhere/data")
    with pytest.raises(OSError, match=r"No such file|exists") as caught:
        action(link / "raw")
    for fix in (" Mend the link, or remove it.", "`--bind /elsewhere/data` to apptainer-args."):
        message = explain(caught.value)
        assert message is not None
        assert message.startswith(str(link))
        assert "a link to /elsewhere/data, which is not there." in message
        assert message.endswith(fix)
        monkeypatch.setenv("APPTAINER_CONTAINER", "/project/containers/train.sif")


def test_store_behind_a_link_is_told_as_that(tmp_path):
    """In a job its files are what is missed, and making them again would not help."""
    (tmp_path / "data").symlink_to("/elsewhere")
    with pytest.raises(UserError, match=r"data is a link to /elsewhere, which is not there\. Mend"):
        load_split_images(tmp_path / "data/digits", "train", None)
