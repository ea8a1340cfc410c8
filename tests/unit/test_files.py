import errno
import fcntl
import multiprocessing
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scripts import run

from cogloat.errors import explain
from cogloat.files import (
    sha256,
    writable_file,
    writable_folder,
    write_atomically,
    write_json,
    write_text,
)

SRC = Path(__file__).parents[2] / "src"


def test_failed_write_leaves_the_old_file_and_no_temporary(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")

    def fail_halfway(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as error:
        write_atomically(path, fail_halfway)
    assert error.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_json_refuses_numbers_that_json_has_not(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "metrics.json", {"accuracy": float("nan")})
    assert not list(tmp_path.iterdir())


def test_sha256_of_known_text(tmp_path):
    write_text(tmp_path / "a", "abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "a") == expected


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may be larger than 1000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.write(b"x" * 5000),
        lambda file: np.save(file, np.zeros(5000)),  # NumPy's own words would have no reason
    ],
)
def test_file_too_large_for_the_machine_leaves_the_old_one(tmp_path, small_files, write):
    path = tmp_path / "weights.pt"
    path.write_text("old")
    with pytest.raises(OSError, match="File too large") as caught:
        write_atomically(path, write)
    message = explain(caught.value)
    assert message is not None
    assert message.startswith(f"{path}: the file would be larger than this machine allows. Raise")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["weights.pt"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_mode_is_that_of_any_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    write_text(tmp_path / "a", "x")
    os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


# --- several writers ---


def write_often(path: Path, writer: int, rounds: int) -> None:
    for number in range(rounds):
        write_text(path, f"{writer} {number}\n" * 2000)


def started(path: Path, writers: int, rounds: int) -> list[multiprocessing.Process]:
    fork = multiprocessing.get_context("fork")
    processes = [
        fork.Process(target=write_often, args=(path, writer, rounds)) for writer in range(writers)
    ]
    for process in processes:
        process.start()
    return processes


def whole(path: Path) -> bool:
    """Say whether a file is all of one writer's round."""
    lines = path.read_text().splitlines()
    return len(lines) == 2000 and len(set(lines)) == 1


@pytest.mark.slow
def test_many_writers_of_one_file_all_succeed_and_leave_a_whole_one(tmp_path):
    path = tmp_path / "config.json"
    processes = started(path, 20, 20)
    while any(process.is_alive() for process in processes):
        assert not path.exists() or whole(path)
    assert [process.exitcode for process in processes] == [0] * 20
    assert os.listdir(tmp_path) == ["config.json"]
    assert whole(path)


@pytest.mark.slow
def test_killed_writers_harm_no_other_and_what_they_left_goes_with_the_next_write(tmp_path):
    path = tmp_path / "config.json"
    processes = started(path, 12, 60)
    for process in processes[:6]:
        time.sleep(0.02)
        process.kill()
    for process in processes:
        process.join()
    assert {process.exitcode for process in processes[6:]} == {0}
    write_often(path, 99, 1)
    assert whole(path)
    assert os.listdir(tmp_path) == ["config.json"]


def test_only_what_no_process_writes_any_more_is_a_leftover(tmp_path):
    hexadecimal = "0123456789abcdef"
    (tmp_path / f".state.pt.{hexadecimal}.tmp").write_bytes(b"half of it")
    kept = [
        ".state.pt.original",
        ".state.pt.old.tmp",
        f".state.pt.gz.{hexadecimal}.tmp",  # of another file
        f".state.pt.{hexadecimal[::-1]}.tmp",  # of a living writer
    ]
    for name in kept:
        (tmp_path / name).write_bytes(b"")
    with (tmp_path / kept[-1]).open("r+b") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        write_text(tmp_path / "state.pt", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"state.pt", *kept}


def test_a_temporary_file_that_was_taken_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    taken = []

    def lock(file, operation):
        if not taken:
            (leftover,) = tmp_path.iterdir()
            leftover.unlink()
            taken.append(leftover)

    monkeypatch.setattr("cogloat.files.fcntl.flock", lock)
    write_text(tmp_path / "a", "x")
    assert len(taken) == 1
    assert (tmp_path / "a").read_text() == "x"


def test_without_locks_files_are_written_and_nothing_is_taken_for_a_leftover(tmp_path, monkeypatch):
    def lock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("cogloat.files.fcntl.flock", lock)
    other = tmp_path / ".a.0123456789abcdef.tmp"
    other.touch()
    write_text(tmp_path / "a", "x")
    assert sorted(os.listdir(tmp_path)) == [other.name, "a"]


# --- what stands where a file is to go ---


def test_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    """It may be a file of DVC's cache."""
    (tmp_path / "cache").write_text("cached")
    (tmp_path / "table.csv").symlink_to("cache")
    write_text(tmp_path / "table.csv", "new")
    assert not (tmp_path / "table.csv").is_symlink()
    assert (tmp_path / "table.csv").read_text() == "new"
    assert (tmp_path / "cache").read_text() == "cached"


def test_folder_that_is_a_link_is_written_into(tmp_path):
    (tmp_path / "big").mkdir()
    (tmp_path / "runs").symlink_to("big")
    write_text(tmp_path / "runs" / "ce" / "metrics.json", "{}")
    assert (tmp_path / "big" / "ce" / "metrics.json").read_text() == "{}"


@pytest.mark.parametrize(("major", "minor"), [(1, 3), (1, 7)], ids=["null", "full"])
def test_device_is_written_to_and_stays(tmp_path, major, minor):
    """Made like /dev/null and /dev/full, which a wrong result of this test would cost."""
    device = tmp_path / "device"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        device.open("wb").close()
    except PermissionError:
        pytest.skip("making a device needs root")
    (tmp_path / "link").symlink_to("device")
    for path in (device, tmp_path / "link"):
        if minor == 7:
            with pytest.raises(OSError, match="No space left"):
                write_text(path, "x")
        else:
            write_text(path, "x")
    assert stat.S_ISCHR(device.lstat().st_mode)
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("redirected", [True, False])
def test_standard_output_is_written_to(tmp_path, redirected):
    code = (
        "from cogloat.files import *; writable_file('/dev/stdout'); write_text('/dev/stdout', 'x')"
    )
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(SRC)},
            stdout=out if redirected else subprocess.PIPE,
            check=True,
        )
    assert ((tmp_path / "out").read_bytes() if redirected else done.stdout) == b"x"
    assert os.listdir(tmp_path) == ["out"]
    assert Path("/dev/stdout").is_symlink()


def blocked(folder: Path, how: str) -> Path:
    """Return a path that no file can be written at."""
    (folder / "file").write_text("mine")
    (folder / "results" / "inner").mkdir(parents=True)
    (folder / "link").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "circle").mkdir()
    (folder / "circle" / "in").symlink_to("../circle/in")
    return {
        "file for a folder": folder / "file" / "x.csv",
        "file further up": folder / "file" / "a" / "b" / "x.csv",
        "folder for a file": folder / "results",
        "root": Path("/"),
        "here": Path(),
        "dangling folder": folder / "link" / "x.csv",
        "loop": folder / "loop" / "x.csv",
        "circle": folder / "circle" / "in" / "deep" / "x.csv",
        "long name": folder / ("a" * 300),
        "name that is too long while it is written": folder / ("a" * 240),
        "kernel": Path("/proc/self/x.csv"),
    }[how]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("file for a folder", "file: a part of the path is a file, not a folder. Choose another"),
        (
            "file further up",
            "file: a part of the path is a file, not a folder. Choose another path",
        ),
        ("folder for a file", "results: this is a folder, a file is needed. Check the path"),
        ("root", "/: this is a folder, a file is needed"),
        ("here", ".: this is a folder, a file is needed"),
        ("dangling folder", "link: a link to nowhere, which is not there. Mend the link"),
        ("loop", "loop: its links lead in a circle. Mend the links"),
        ("circle", "in: its links lead in a circle. Mend the links"),
        ("long name", "the name is too long for this disk. Choose a shorter one"),
        ("name that is too long while it is written", "the name is too long for this disk"),
        ("kernel", "/proc/self: no such file. Check the path"),
    ],
)
def test_output_that_cannot_be_written_is_told_before_any_work(tmp_path, how, words):
    path = blocked(tmp_path, how)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError) as caught:  # noqa: PT011
        writable_file(path)
    message = explain(caught.value)
    assert message is not None
    assert words in message
    with pytest.raises(OSError):  # noqa: PT011
        write_text(path, "x")
    assert sorted(tmp_path.rglob("*")) == before


def test_output_that_can_be_written_leaves_no_trace_of_the_check(tmp_path):
    new = tmp_path / "results" / "demo" / "table.csv"
    assert writable_file(str(new)) == new
    assert writable_folder(new.parent) == new.parent
    assert os.listdir(tmp_path) == []
    new.parent.mkdir(parents=True)
    new.write_text("old")
    assert writable_file(new) == new
    assert new.read_text() == "old"
    assert os.listdir(new.parent) == ["table.csv"]


# every output that a script is given, by the first flags that lead to it
OUTPUTS = {
    "audit.py": ["output", "markdown", "page", "overview"],
    "bench.py": ["output"],
    "certify.py": ["output"],
    "configure.py --config config run": ["output"],
    "describe_config.py": ["output-dir"],
    "describe_methods.py": ["pages"],
    "evaluate.py": ["metrics", "confusion", "output-provenance"],
    "fetch.py": ["output"],
    "hold_out.py": ["output"],
    "measure_features.py": ["output"],
    "measure_gradients.py": ["output"],
    "measure_leak.py": ["output"],
    "measure_separability.py": ["output"],
    "place_targets.py": ["output"],
    "plot_bench.py": ["pdf", "png"],
    "plot_confusion.py": ["pdf", "png"],
    "plot_curves.py": ["pdf", "png", "numbers"],
    "plot_embedding.py": ["pdf", "png", "numbers"],
    "plot_frequency.py": ["pdf", "png"],
    "plot_magnitudes.py": ["pdf", "png"],
    "plot_means.py": ["pdf", "png"],
    "plot_readings.py": ["pdf", "png", "numbers"],
    "plot_temperatures.py": ["pdf", "png"],
    "predict.py": ["output"],
    "select_coreset.py": ["output", "scratch"],
    "split.py": ["output"],
    "tabulate_bench.py": ["output", "markdown"],
    "tabulate_features.py": ["output", "conventions", "markdown", "page"],
    "tabulate_gradients.py": ["output", "classes", "markdown", "page"],
    "tabulate_groups.py": ["output", "markdown", "page"],
    "tabulate_leaks.py": ["output", "markdown", "page"],
    "tabulate_acceptance.py": ["output", "markdown", "page"],
    "tabulate_machines.py": ["output", "markdown", "page", "overview"],
    "tabulate_runs.py": ["output", "markdown", "page", "classes", "means"],
    "tabulate_separability.py": ["output", "markdown", "page"],
    "tabulate_times.py": ["output", "markdown", "page"],
    "time_epochs.py": ["output"],
    "train.py": ["output-dir", "scratch"],
}


@pytest.mark.parametrize(
    ("script", "flag"), [(script, flag) for script, flags in OUTPUTS.items() for flag in flags]
)
def test_every_output_of_every_script_is_checked_as_its_first_deed(tmp_path, script, flag):
    (tmp_path / "file").touch()
    name, *first = script.split()
    done = run(name, *first, f"--{flag}", tmp_path / "file" / "x")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path / 'file'}: a part of the path is a file, not a folder. "
        "Choose another path.\n"
    )
