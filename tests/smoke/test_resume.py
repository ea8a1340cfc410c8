"""A killed and resumed run ends in the same bits as one that was not, and mixes nothing."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scripts import Tiny, command, must, run

from cogloat.files import sha256

pytestmark = pytest.mark.long

FILES = ("weights.pt", "history.csv")
KILLS = 6
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


def states(output: Path) -> list[Path]:
    return sorted((output / "scratch").glob("*"))


def pretraining(tiny: Tiny, output: Path) -> list[object]:
    """Return the arguments of a pre-training of the method with the most state."""
    config = tiny.effective("cogloat_proco", "pretrain")
    return tiny.arguments(config, output, coreset=tiny.coreset)


def start(arguments: list[object], *more: object) -> subprocess.Popen:
    line = command("train.py", *arguments, *more)
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def stop_in_the_middle(arguments: list[object], *more: object) -> None:
    """Start a training and warn it when its first epoch is done."""
    process = start(arguments, *more)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, log


@pytest.fixture(scope="module")
def whole(tiny: Tiny) -> Path:
    """An uninterrupted pre-training."""
    output = tiny.root / "whole"
    must("train.py", *pretraining(tiny, output))
    return output


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(tiny, whole):
    again = tiny.root / "again"
    must("train.py", *pretraining(tiny, again))
    assert same(whole, again)
    other = tiny.root / "other"
    text = tiny.effective("cogloat_proco", "pretrain").read_text()
    changed = tiny.root / "seed1.json"
    changed.write_text(text.replace('"seed": 0', '"seed": 1'))
    must("train.py", *tiny.arguments(changed, other, coreset=tiny.coreset))
    assert not same(whole, other)


def test_killed_at_many_random_moments_it_ends_in_the_same_bits(tiny, whole):
    output = tiny.root / "killed"
    arguments = pretraining(tiny, output)
    moments = random.Random(0)
    kills = 0
    while kills < KILLS:
        before = [state.stat().st_mtime_ns for state in saved(output)]
        process = start(arguments, "--save-every", 0)
        while (
            process.poll() is None
            and [state.stat().st_mtime_ns for state in saved(output)] == before
        ):
            time.sleep(0.005)  # until it works: a kill during imports would test little
        time.sleep(moments.uniform(0, 0.15))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
    assert kills >= 5
    must("train.py", *arguments)
    assert same(whole, output)
    assert states(output) == []
    provenance = json.loads((output / "provenance.json").read_text())
    assert len(provenance["processes"]) == kills + 1
    seconds = sum(process["seconds"] for process in provenance["processes"])
    assert provenance["seconds"] == pytest.approx(seconds, abs=0.2)


def saved(output: Path) -> list[Path]:
    """Return the resume states, without a half-written one that may go at any moment."""
    return sorted((output / "scratch").glob("*.pt"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGURG])
def test_warning_signal_saves_and_the_same_command_goes_on(tiny, whole, number):
    output = tiny.root / f"warned{number}"
    arguments = pretraining(tiny, output)
    process = start(arguments)
    assert process.stderr is not None
    process.stderr.readline()  # the first epoch is done
    process.send_signal(number)
    _, log = process.communicate()
    assert process.returncode == 128 + number
    assert "the same command goes on" in log
    must("train.py", *arguments)
    assert same(whole, output)


@pytest.mark.parametrize("method", ["kcl_inbatch", "cogloat_proco_inbatch"])
def test_contrast_within_the_batch_goes_on_to_the_same_bits(tiny, method):
    config = tiny.effective(method, "pretrain")
    files = {"coreset": tiny.coreset} if "proco" in method else {}
    whole, output = tiny.root / f"{method}_whole", tiny.root / f"{method}_warned"
    must("train.py", *tiny.arguments(config, whole, **files))
    arguments = tiny.arguments(config, output, **files)
    stop_in_the_middle(arguments)
    must("train.py", *arguments)
    assert same(whole, output)


def test_another_configuration_starts_afresh_and_leaves_the_state_of_the_first(tiny, whole):
    output = tiny.root / "foreign"
    stop_in_the_middle(pretraining(tiny, output))
    (kept,) = states(output)
    warmer = tiny.root / "warmer.json"
    text = tiny.effective("cogloat_proco", "pretrain").read_text()
    warmer.write_text(text.replace('"gamma": 0.07', '"gamma": 0.1'))
    done = run("train.py", *tiny.arguments(warmer, output, coreset=tiny.coreset))
    assert done.returncode == 0, done.stderr
    assert f"starting afresh: {kept} was made with another configuration\n" in done.stderr
    alone = tiny.root / "warmer_alone"
    must("train.py", *tiny.arguments(warmer, alone, coreset=tiny.coreset))
    assert same(alone, output)
    assert states(output) == [kept]
    must("train.py", *pretraining(tiny, output))
    assert same(whole, output)


def test_images_and_precision_that_changed_are_not_mixed_into_a_run(tiny):
    """Stopped in float32, every image inverted, started in bfloat16: another run."""
    config = tiny.effective("ce", "train")
    output, store = tiny.root / "mixed", tiny.root / "inverted"
    shutil.copytree(tiny.store, store)
    stop_in_the_middle([*tiny.arguments(config, output), "--store", store])
    images = np.load(store / "train_images.npy")
    np.save(store / "train_images.npy", 255 - images)
    manifest = json.loads((store / "store.json").read_text())
    manifest["files"]["train_images.npy"]["sha256"] = sha256(store / "train_images.npy")
    (store / "store.json").write_text(json.dumps(manifest))
    arguments = [*tiny.arguments(config, output), "--store", store, "--precision", "bfloat16"]
    done = run("train.py", *arguments)
    assert "starting afresh" in done.stderr
    assert "was made with another store and precision\n" in done.stderr
    alone = tiny.root / "unmixed"
    must("train.py", *tiny.arguments(config, alone), "--store", store, "--precision", "bfloat16")
    assert same(alone, output)
    (process,) = json.loads((output / "provenance.json").read_text())["processes"]
    assert process["precision"] == "bfloat16"


def test_every_process_that_worked_on_a_run_is_in_its_provenance(tiny):
    config = tiny.effective("ce", "train")
    output = tiny.root / "two_processes"
    stop_in_the_middle(tiny.arguments(config, output), "--threads", 2)
    must("train.py", *tiny.arguments(config, output), "--threads", 1)
    stage = json.loads((output / "provenance.json").read_text())
    assert [process["threads"] for process in stage["processes"]] == [2, 1]
    assert all(process["cpu_capability"] for process in stage["processes"])
    assert stage["identity"]["precision"] == "float32"
    assert stage["outputs"] == {name: sha256(output / name) for name in FILES}


def test_truncated_state_is_named(tiny):
    output = tiny.root / "truncated"
    arguments = pretraining(tiny, output)
    stop_in_the_middle(arguments)
    (state,) = states(output)
    state.write_bytes(b"PK\x03\x04 not all of it")
    done = run("train.py", *arguments)
    assert done.returncode == 2
    assert f"{state}: the resume state is truncated" in done.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "its training needs a file. Give it: --input coreset=FILE."),
        ({"corset": "x.csv"}, "needs no such file. Did you mean 'coreset'?"),
    ],
)
def test_input_that_is_missing_or_unknown_is_named(tiny, given, message):
    config = tiny.effective("cogloat_proco", "pretrain")
    done = run("train.py", *tiny.arguments(config, tiny.root / "unfed", **given))
    assert done.returncode == 2
    assert message in done.stderr


def test_tf32_is_refused_where_there_is_none(tiny):
    config = tiny.effective("ce", "train")
    arguments = [*tiny.arguments(config, tiny.root / "tf32"), "--device", "cpu"]
    done = run("train.py", *arguments, "--precision", "tf32")
    assert done.returncode == 2
    assert "--precision tf32: cpu has no such format" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB: less than a resume state and the weights need."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_full_disk_ends_in_one_message_and_keeps_earlier_results(tiny, small_disk):
    (small_disk / "weights.pt").write_bytes(b"of an earlier run")
    (small_disk / "filler").write_bytes(b"\0" * 200_000)
    done = run("train.py", *pretraining(tiny, small_disk))
    assert done.returncode == 2
    assert "the disk is full. Free some space" in done.stderr
    assert str(small_disk) in done.stderr
    assert "epoch" not in done.stderr  # it does not train first what it cannot keep
    left = {path.name for path in small_disk.rglob("*") if path.is_file()}
    assert left == {"weights.pt", "filler"}
    assert (small_disk / "weights.pt").read_bytes() == b"of an earlier run"
