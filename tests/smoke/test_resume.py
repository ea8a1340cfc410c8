"""A killed and resumed run ends in the same bits as one that was not."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts import Tiny, command, must, run

FILES = ("weights.pt", "history.csv")
KILLS = 6


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


@pytest.fixture(scope="module")
def whole(tiny: Tiny) -> Path:
    """An uninterrupted pre-training of the method with the most state."""
    output = tiny.root / "whole"
    config = tiny.effective("cogloat_proco", "pretrain")
    must("pretrain.py", *tiny.arguments(config, output, coreset=tiny.coreset))
    return output


def pretraining(tiny: Tiny, output: Path) -> list[str]:
    config = tiny.effective("cogloat_proco", "pretrain")
    arguments = tiny.arguments(config, output, coreset=tiny.coreset)
    return command("pretrain.py", *arguments, "--save-every", 0)


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(tiny, whole):
    again = tiny.root / "again"
    config = tiny.effective("cogloat_proco", "pretrain")
    must("pretrain.py", *tiny.arguments(config, again, coreset=tiny.coreset))
    assert same(whole, again)
    other = tiny.root / "other"
    text = config.read_text().replace('"seed": 0', '"seed": 1')
    (tiny.root / "seed1.json").write_text(text)
    must("pretrain.py", *tiny.arguments(tiny.root / "seed1.json", other, coreset=tiny.coreset))
    assert not same(whole, other)


def test_killed_at_many_random_moments_it_ends_in_the_same_bits(tiny, whole):
    output = tiny.root / "killed"
    line = pretraining(tiny, output)
    moments = random.Random(0)
    state = output / "state.pt"
    kills = 0
    while kills < KILLS:
        before = state.stat().st_mtime_ns if state.exists() else None
        process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.005)  # until it works: a kill during imports would test little
        time.sleep(moments.uniform(0, 0.15))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
    assert kills >= 5
    done = subprocess.run(line, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert same(whole, output)
    assert not state.exists()
    assert not list(output.glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGURG])
def test_warning_signal_saves_and_the_same_command_goes_on(tiny, whole, number):
    output = tiny.root / f"warned{number}"
    config = tiny.effective("cogloat_proco", "pretrain")
    line = command("pretrain.py", *tiny.arguments(config, output, coreset=tiny.coreset))
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()  # the first epoch is done
    process.send_signal(number)
    _, log = process.communicate()
    assert process.returncode == 128 + number
    assert "the same command goes on" in log
    must("pretrain.py", *tiny.arguments(config, output, coreset=tiny.coreset))
    assert same(whole, output)


def test_state_of_another_configuration_is_refused_and_kept(tiny):
    output = tiny.root / "foreign"
    line = pretraining(tiny, output)
    process = subprocess.Popen(line, stderr=subprocess.PIPE)
    while not (output / "state.pt").exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    config = tiny.effective("cogloat_proco", "pretrain")
    (tiny.root / "warmer.json").write_text(
        config.read_text().replace('"gamma": 0.07', '"gamma": 0.1')
    )
    arguments = tiny.arguments(tiny.root / "warmer.json", output, coreset=tiny.coreset)
    done = run("pretrain.py", *arguments)
    assert done.returncode == 2
    assert "made with another configuration. Delete it to start over" in done.stderr
    assert "Traceback" not in done.stderr
    assert (output / "state.pt").exists()
    assert not (output / "weights.pt").exists()


def test_truncated_state_is_named(tiny):
    output = tiny.root / "truncated"
    output.mkdir()
    (output / "state.pt").write_bytes(b"PK\x03\x04 not all of it")
    config = tiny.effective("cogloat_proco", "pretrain")
    done = run("pretrain.py", *tiny.arguments(config, output, coreset=tiny.coreset))
    assert done.returncode == 2
    assert "state.pt: the resume state is truncated" in done.stderr
    assert "Traceback" not in done.stderr


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
    config = tiny.effective("cogloat_proco", "pretrain")
    done = run("pretrain.py", *tiny.arguments(config, small_disk, coreset=tiny.coreset))
    assert done.returncode == 2
    assert "the disk is full. Free some space" in done.stderr
    assert str(small_disk) in done.stderr
    assert "epoch" not in done.stderr  # it does not train first what it cannot keep
    assert "Traceback" not in done.stderr
    assert {path.name for path in small_disk.iterdir()} == {"weights.pt", "filler"}
    assert (small_disk / "weights.pt").read_bytes() == b"of an earlier run"
