"""A training by several processes of the real script: its bits, its ends, and what it says."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pages import blocks
from scripts import REPO, Tiny, command, run

from cogloat.files import write_json

pytestmark = pytest.mark.long

FILES = ("weights.pt", "history.csv")
GROUPS = 4
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def config(tiny: Tiny) -> Path:
    """A pre-training's configuration, with batches that four processes can share."""
    path = tiny.effective("kcl", "pretrain", "groups.json")
    own = json.loads(path.read_text())
    own["settings"] |= {"groups": GROUPS, "epochs": 6}
    write_json(path, own)
    return path


def start(tiny: Tiny, config: Path, output: Path, *more: object) -> subprocess.Popen:
    line = command("train.py", *tiny.arguments(config, output), *more)
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def ended(process: subprocess.Popen) -> tuple[int, str]:
    _, log = process.communicate()
    return process.returncode, log


def trained(tiny: Tiny, config: Path, output: Path, *more: object) -> list[bytes]:
    """Train to the end; return what is left."""
    status, log = ended(start(tiny, config, output, *more))
    assert status == 0, log
    assert list((output / "scratch").iterdir()) == []
    return [(output / name).read_bytes() for name in FILES]


def ranks_of(output: Path) -> list[int]:
    """Return how many processes worked on a result, in each part of its training."""
    stage = json.loads((output / "provenance.json").read_text())
    return [process["ranks"] for process in stage["processes"]]


def in_its_second_epoch(process: subprocess.Popen) -> None:
    assert process.stderr is not None
    while " epoch 1/" not in process.stderr.readline():
        assert process.poll() is None


def rank(process: subprocess.Popen, number: int) -> int:
    """Return the process of a rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (found,) = [
        int(child)
        for child in children
        if f"\0RANK={number}\0" in Path(f"/proc/{child}/environ").read_text()
    ]
    return found


@pytest.fixture(scope="module")
def whole(tiny: Tiny, config: Path) -> list[bytes]:
    """What an uninterrupted training by two processes leaves."""
    output = tiny.root / "two"
    left = trained(tiny, config, output, "--processes", 2)
    assert ranks_of(output) == [2]
    return left


def test_killed_at_any_moment_as_many_processes_end_in_the_same_bits(tiny, config, whole):
    output = tiny.root / "two_killed"
    process = start(tiny, config, output, "--processes", 2, "--save-every", 0)
    in_its_second_epoch(process)
    os.kill(rank(process, 0), signal.SIGKILL)
    status, log = ended(process)
    assert status == 128 + signal.SIGKILL
    assert log.count("error: process 1 of 2 was ended by SIGKILL.") == 1
    assert "Traceback" not in log
    assert trained(tiny, config, output, "--processes", 2) == whole
    assert ranks_of(output) == [2, 2]


@pytest.mark.parametrize("then", [1, 4])
def test_a_warning_to_one_rank_ends_all_and_any_number_goes_on(tiny, config, then):
    """With one message; what is logged afterwards is of every epoch."""
    output = tiny.root / f"two_then_{then}"
    process = start(tiny, config, output, "--processes", 2)
    in_its_second_epoch(process)
    os.kill(rank(process, 1), signal.SIGURG)
    status, log = ended(process)
    assert status == 128 + signal.SIGURG
    assert log.count("stopped by SIGURG; the same command goes on from") == 1
    assert "Traceback" not in log
    assert "error" not in log
    _, history = trained(tiny, config, output, "--processes", then)
    assert [line.split(",")[0] for line in history.decode().splitlines()[1:]] == list("123456")
    assert ranks_of(output) == [2, then]


def test_a_warning_to_the_parent_is_passed_on(tiny, config, whole):
    output = tiny.root / "two_warned"
    process = start(tiny, config, output, "--processes", 2)
    in_its_second_epoch(process)
    process.send_signal(signal.SIGUSR1)
    status, log = ended(process)
    assert status == 128 + signal.SIGUSR1
    assert log.count("stopped by SIGUSR1") == 1
    assert trained(tiny, config, output, "--processes", 2) == whole


def options(line: list[str]) -> dict[str, str]:
    """Return options and values, however they are put together."""
    parts = [part for one in line for part in one.split("=", 1)]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_two_nodes_started_as_the_page_shows_end_in_the_same_bits(tiny, config, whole):
    """By its torchrun, on one machine; `srun` and the image stand around it."""
    (script,) = (one for one in blocks((REPO / "docs/cluster.md").read_text()) if "torchrun" in one)
    shown = shlex.split(script.replace("\\\n", " ").split("torchrun ")[1])
    place = shown.index("src/train.py")
    output = tiny.root / "two_nodes"
    given = options([*map(str, tiny.arguments(config, output)), "--threads", "1"])
    assert options(shown[place + 1 :]).keys() == given.keys()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        meeting = f"localhost:{free.getsockname()[1]}"
    launch = options(shown[:place]) | {
        **{"--nproc-per-node": "1", "--rdzv-id": "page", "--rdzv-endpoint": meeting},
        "--local-addr": "localhost",  # a machine's own name may lead nowhere
    }
    assert launch["--nnodes"] == "2"
    line = [sys.executable, "-m", "torch.distributed.run", *sum(launch.items(), ())]
    line += [str(REPO / "src/train.py"), *sum(given.items(), ())]
    nodes = [
        subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) for _ in range(2)
    ]
    for status, log in map(ended, nodes):
        assert status == 0, log
    assert [(output / name).read_bytes() for name in FILES] == whole
    assert ranks_of(output) == [2]


def test_ranks_end_with_the_process_that_started_them(tiny, config):
    output = tiny.root / "two_orphans"
    process = start(tiny, config, output, "--processes", 2)
    in_its_second_epoch(process)
    ranks = [rank(process, number) for number in range(2)]
    process.kill()
    process.communicate()
    for _ in range(200):
        if not any(Path(f"/proc/{one}").exists() for one in ranks):
            break
        time.sleep(0.1)
    assert not any(Path(f"/proc/{one}").exists() for one in ranks)


def test_a_fault_that_every_rank_finds_is_told_once(tiny, config):
    store = tiny.root / "no_store"
    store.mkdir()
    for file in tiny.store.iterdir():
        (store / file.name).write_bytes(file.read_bytes()[:-1])
    more = ("--store", store, "--processes", 2)
    status, log = ended(start(tiny, config, tiny.root / "unfed", *more))
    assert status == 2
    assert log.count("error: ") == 1
    assert len(log.splitlines()) == 1


@pytest.mark.parametrize(
    ("method", "stage", "processes", "message"),
    [
        ("kcl", "pretrain", 3, "has 2 batch-norm groups (`groups`), which 3 processes cannot sha"),
        ("m2m_ldam", "train", 2, "'m2m' is trained by one process, not by 2"),
        ("ce", "train", 2, "has 1 batch-norm groups (`groups`), which 2 processes cannot share"),
    ],
)
def test_processes_that_cannot_share_a_batch_are_refused(tiny, method, stage, processes, message):
    arguments = tiny.arguments(tiny.effective(method, stage), tiny.root / "refused")
    done = run("train.py", *arguments, "--processes", processes)
    assert done.returncode == 2
    assert message in done.stderr
