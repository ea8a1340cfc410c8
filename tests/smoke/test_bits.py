"""The bits of tiny runs: those that are published, and the same on other processors."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from bits import PUBLISHED
from miniature import CPU
from processor import STATE, TABLE
from scripts import REPO, Tiny, command

from cogloat import arithmetic
from cogloat.results.bits import Published, differences, facts, same_kind
from cogloat.results.provenance import Stage
from cogloat.training.machine import Machine

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not arithmetic.available(), reason="needs an x86-64 with AVX2"),
]
FIRST_EMULATOR = 10  # of QEMU's versions; 7.2 crashes, or makes numbers that are not finite
CPUID_IS_TRAPPED = re.search(r"\bcpuid_fault\b", Path("/proc/cpuinfo").read_text()) is not None
AS = (sys.executable, str(REPO / "tests/processor.py"), "--as")
QUICK = ("--epochs", "1", "ce", "kcl_inbatch")


@cache
def here_as_there() -> tuple[str, ...]:
    """Return what runs a command as on a processor whose name follows; skip where nothing does."""
    if CPUID_IS_TRAPPED:
        return AS
    path = shutil.which("qemu-x86_64")
    if path is None:
        pytest.skip("needs a processor with cpuid_fault, or qemu-x86_64, of Debian's qemu-user")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)", said)
    if found is None or int(found[1]) < FIRST_EMULATOR:
        pytest.skip(f"needs QEMU {FIRST_EMULATOR} or later, not: {said.splitlines()[0]}")
    return (path, "-cpu")


def bits(output: Path, *arguments: str, on: tuple[str, ...] = ()) -> Published:
    command = [*on, sys.executable, str(REPO / "tests/bits.py"), "--output", str(output)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Published.read(output)


def test_tiny_runs_of_every_method_have_the_published_bits(tmp_path: Path):
    published = Published.read(PUBLISHED)
    here = facts([Machine(CPU, 1, "float32", "portable").process()])
    if not same_kind(published.made_by, here):
        pytest.skip(
            "published by other libraries: " + "; ".join(differences(published.made_by, here))
        )
    found = bits(tmp_path / "bits.json").files
    names = dict.fromkeys([*published.files, *found])
    moved = [name for name in names if published.files.get(name) != found.get(name)]
    if moved and (why := differences(published.made_by, here)):
        pytest.skip(f"{len(moved)} files have other bits, first {moved[0]}: {'; '.join(why)}")
    assert not moved, f"if this is meant: make publish. {len(moved)} files have other bits: {moved}"


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return bits(tmp_path_factory.mktemp("native") / "bits.json", *QUICK)


@pytest.mark.parametrize("processor", ["Haswell", "EPYC", "Cascadelake-Server"])
def test_another_processor_gives_the_same_bits(processor: str, native: Published, tmp_path: Path):
    there = bits(tmp_path / "bits.json", *QUICK, on=(*here_as_there(), processor))
    assert there.files == native.files


def rows(table: str, processor: str) -> list[str]:
    """Return what a table says of a processor, but for the registers to save, which are real."""
    own = [line for line in table.splitlines() if line.startswith(f"{processor},")]
    return [line for line in own if not line.startswith(f"{processor},{STATE:x},")]


@pytest.mark.skipif(not CPUID_IS_TRAPPED, reason="needs a processor with cpuid_fault")
@pytest.mark.parametrize("processor", ["Haswell", "EPYC"])
def test_a_command_and_what_it_starts_see_another_processor(processor: str):
    asking = [sys.executable, str(REPO / "tests/processor.py"), "--describe", processor]
    for asked in (asking, ["bash", "-c", '"$@" & wait; exit 3', "bash", *asking]):
        done = subprocess.run([*AS, processor, *asked], capture_output=True, text=True, check=False)
        assert rows(done.stdout, processor) == rows(TABLE.read_text(), processor), done.stderr
        assert done.returncode == (0 if asked is asking else 3)


def test_by_hand_the_flag_alone_makes_a_training_portable(tiny: Tiny, tmp_path: Path):
    config = tiny.effective("ce", "train")
    line = command("train.py", *tiny.arguments(config, tmp_path), "--arithmetic", "portable")
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stage = Stage.read(tmp_path / "provenance.json")
    (process,) = stage.processes
    assert (process.arithmetic, process.cpu_capability, process.threads) == ("portable", "AVX2", 1)
    assert stage.identity["arithmetic"] == "portable"
    published = Published.read(PUBLISHED)
    if not differences(published.made_by, facts([process])):
        assert stage.outputs["weights.pt"] == published.files["ce/train/weights.pt"]
    done = subprocess.run([*line, "--threads", "2"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --threads 2: portable arithmetic has --threads 1 alone, other numbers of threads "
        "add up in other orders. Use that, or --arithmetic native.\n"
    )
