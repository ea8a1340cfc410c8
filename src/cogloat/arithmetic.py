"""Arithmetic that gives the same bits on every x86-64 processor with AVX2. Imports no library.

Libraries pick their code by the processor: by its instructions, its maker, its number of cores.
Sums are then added up in another order, and a training ends in other bits. Portable arithmetic
holds each library to one choice, by variables that it reads when it is loaded.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from cogloat.errors import UserError

Arithmetic = Literal["native", "portable"]
KINDS: tuple[Arithmetic, ...] = get_args(Arithmetic)
NEEDED = {"avx2", "fma"}  # as Linux calls what the settings ask for
SETTINGS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # torch's convolutions
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
    # torch's matrix products; every other choice is another one on AMD than on Intel
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's and SciPy's matrix products
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's functions
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
}


def add_arithmetic_argument(parser: argparse._ActionsContainer) -> None:
    """Add --arithmetic to a script that calls `install` before it imports a library."""
    parser.add_argument(
        "--arithmetic",
        choices=KINDS,
        default="native",
        help="native: by all that this processor has (default); portable: the same bits on every "
        "x86-64 processor with AVX2, in float32, on one thread",
    )


def install(arguments: Sequence[str] | None = None) -> None:
    """Make the libraries that are loaded from now on portable, if the command line asks for it.

    Args:
        arguments: the command line, by default the process's.

    Raises:
        UserError: if the processor cannot compute so.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--arithmetic", nargs="?")  # whether it is a valid one, the script says
    if parser.parse_known_args(arguments)[0].arithmetic != "portable":
        return
    if not available():  # the libraries would take the settings' word for it, and crash
        raise UserError(
            "--arithmetic portable: this processor is no x86-64 with AVX2 and FMA. Use "
            "--arithmetic native, whose last bits are those of one machine."
        )
    os.environ.update(SETTINGS)


def available(described: Path = Path("/proc/cpuinfo")) -> bool:
    """Say whether this processor can compute portably.

    Args:
        described: Linux's description of the processor; elsewhere nothing is known of it.
    """
    text = described.read_text("utf-8", "replace") if described.is_file() else ""
    flags = re.search(r"^flags\s*:(.*)", text, re.M)
    return flags is not None and set(flags[1].split()) >= NEEDED


def check(device: str, threads: int, precision: str) -> None:
    """Check what is asked for beside portable arithmetic.

    Raises:
        UserError: if it would not be portable, or is not in force.
    """
    for name, value, only, why in (
        ("device", device, "cpu", "a GPU adds up in another order"),
        ("threads", threads, 1, "other numbers of threads add up in other orders"),
        ("precision", precision, "float32", "processors differ in how they round others"),
    ):
        if value != only:
            raise UserError(
                f"--{name} {value}: portable arithmetic has --{name} {only} alone, {why}. "
                f"Use that, or --arithmetic native."
            )
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        raise UserError(
            "--arithmetic portable: libraries were loaded before it was chosen. Run the script as "
            "a process of its own."
        )
