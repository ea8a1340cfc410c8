"""Portable arithmetic: what is set and when, and what is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import REPO

from cogloat import arithmetic
from cogloat.errors import UserError

SCRIPTS = sorted(
    path.name for path in (REPO / "src").glob("*.py") if "set_up_machine(args)" in path.read_text()
)
portable_machine = pytest.mark.skipif(
    not arithmetic.available(), reason="needs an x86-64 with AVX2"
)


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in arithmetic.SETTINGS:
        monkeypatch.setenv(name, "as it was")


def described(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(
        f"processor\t: 0\nmodel name\t: A processor\nflags\t\t: {flags}\nbugs\t\t: avx2\n"
    )
    return path


@pytest.mark.parametrize(
    ("flags", "available"),
    [
        ("fpu sse2 avx avx2 fma", True),
        ("fma avx2 avx512f", True),
        ("fpu avx fma", False),
        ("avx2", False),
        ("avx2x fma", False),
    ],
)
def test_a_processor_is_portable_by_its_instructions(flags, available, tmp_path):
    assert arithmetic.available(described(tmp_path, flags)) is available


def test_nothing_is_known_of_a_processor_without_description(tmp_path):
    assert not arithmetic.available(tmp_path / "cpuinfo")
    arm = tmp_path / "arm"
    arm.write_text("processor\t: 0\nFeatures\t: fp asimd avx2 fma\n")
    assert not arithmetic.available(arm)


@portable_machine
@pytest.mark.parametrize(
    ("line", "portable"),
    [
        (["--store", "data", "--arithmetic", "portable"], True),
        (["--arithmetic=portable", "photos"], True),
        (["--arith", "portable"], True),
        (["--arithmetic", "native"], False),
        (["--arithmetic"], False),
        (["--store", "portable"], False),
        ([], False),
    ],
)
def test_settings_are_made_where_the_command_line_asks_for_them(line, portable, unset):
    arithmetic.install(line)
    made = {name: os.environ[name] for name in arithmetic.SETTINGS}
    assert made == (arithmetic.SETTINGS if portable else dict.fromkeys(made, "as it was"))


def test_a_processor_that_cannot_is_refused_and_nothing_is_set(unset, monkeypatch):
    monkeypatch.setattr(arithmetic, "available", lambda: False)
    with pytest.raises(UserError, match=r"no x86-64 with AVX2 and FMA. Use --arithmetic native"):
        arithmetic.install(["--arithmetic", "portable"])
    assert os.environ["MKL_CBWR"] == "as it was"


@pytest.mark.parametrize(
    ("device", "threads", "precision", "message"),
    [
        ("cuda:1", 1, "float32", "--device cuda:1: portable arithmetic has --device cpu alone"),
        ("cpu", 4, "float32", "--threads 4: portable arithmetic has --threads 1 alone"),
        ("cpu", 1, "bfloat16", "--precision bfloat16: portable arithmetic has --precision float32"),
    ],
)
def test_what_is_not_portable_is_refused(device, threads, precision, message, monkeypatch):
    for name, value in arithmetic.SETTINGS.items():
        monkeypatch.setenv(name, value)
    arithmetic.check("cpu", 1, "float32")
    with pytest.raises(UserError, match=message):
        arithmetic.check(device, threads, precision)


@pytest.mark.parametrize("name", arithmetic.SETTINGS)
def test_libraries_that_were_loaded_before_are_refused(name, monkeypatch):
    for known, value in arithmetic.SETTINGS.items():
        monkeypatch.setenv(known, value)
    monkeypatch.delenv(name)
    with pytest.raises(UserError, match="libraries were loaded before it was chosen"):
        arithmetic.check("cpu", 1, "float32")


def test_every_script_with_a_machine_chooses_before_it_loads_a_library():
    assert len(SCRIPTS) > 5
    begin = re.compile(
        r"from cogloat import arithmetic, guard\n\n"
        r'if __name__ == "__main__":\n    guard\.install\(\)\n    arithmetic\.install\(\)\n'
    )
    for name in SCRIPTS:
        text = (REPO / "src" / name).read_text()
        found = begin.search(text)
        assert found, name
        assert not re.search("^(import|from) (?!__future__)", text[: found.start()], re.M), name


ASK = """
import os, sys
from cogloat import arithmetic
loaded = {"torch", "numpy", "scipy"} & set(sys.modules)
assert not loaded, loaded
arithmetic.install(["--arithmetic", "portable"])
import numpy, torch, threadpoolctl
print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
print(*numpy.show_config(mode="dicts")["SIMD Extensions"]["found"])
for own in threadpoolctl.threadpool_info():
    print(own.get("architecture", own["prefix"]), own["num_threads"])
"""


@portable_machine
@pytest.mark.slow
def test_libraries_do_as_they_are_told():
    environment = os.environ | {"PYTHONPATH": str(REPO / "src")}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    torch, numpy, *pools = done.stdout.splitlines()
    assert (torch, numpy) == ("AVX2 1", "X86_V3")
    assert "Haswell 1" in pools
    assert all(pool.endswith(" 1") for pool in pools)
