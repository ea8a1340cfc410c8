"""What belongs to the machine and not to the method: device, threads, precision, arithmetic."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import time
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Literal

import numpy
import torch

from cogloat import arithmetic, ranks
from cogloat.arguments import of_type
from cogloat.arithmetic import Arithmetic, add_arithmetic_argument
from cogloat.config.types import Threads
from cogloat.errors import UserError
from cogloat.ranks import ALONE, Ranks
from cogloat.results.provenance import Process

IMAGE_VARIABLE = "COGLOAT_IMAGE"  # SHA-256 of the container image that a job runs in
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
PRECISIONS = ("float32", "tf32", "bfloat16")
FIRST_WITH_TF32 = 8  # major compute capability: NVIDIA's Ampere


@dataclass(frozen=True)
class Machine:
    """Where and how a stage runs.

    Attributes:
        precision: of the networks: float32, tf32 (float32 whose products a GPU rounds to 10 bits of
            mantissa), or bfloat16 (float32 but for what autocast computes in it).
        arithmetic: native, or portable: the same bits on other processors.
        ranks: the processes that train together.
        started: when this process began, by the monotonic clock.
    """

    device: torch.device
    threads: int
    precision: str
    arithmetic: Arithmetic = "native"
    ranks: Ranks = ALONE
    started: float = field(default_factory=time.monotonic)

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass in this machine's precision."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )

    def process(self) -> Process:
        """Return what provenance records of this process, as of now."""
        cuda = self.device.type == "cuda"
        return Process(
            device=torch.cuda.get_device_name(self.device) if cuda else _processor(),
            cpu_capability=torch.backends.cpu.get_cpu_capability(),
            threads=self.threads,
            precision=self.precision,
            arithmetic=self.arithmetic,
            ranks=self.ranks.size,
            image=os.environ.get(IMAGE_VARIABLE),
            versions=_versions(),
            seconds=round(time.monotonic() - self.started, 1),
        )


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --device, --threads, --precision and --arithmetic to a script."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    group.add_argument(
        "--threads", type=of_type(Threads), default=1, help="CPU threads (default: 1)"
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the networks (default: float32); tf32 needs a GPU",
    )
    add_arithmetic_argument(group)


def set_up_machine(args: argparse.Namespace) -> Machine:
    """Choose the device and the precision, and make every operation deterministic.

    A rank of a training by several processes has the GPU of its number, and meets the others here.

    Raises:
        UserError: if the device does not exist, has no such precision, or is not portable where
            that is asked for.
    """
    started = time.monotonic()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA starts
    name, portable = args.device, args.arithmetic == "portable"
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() and not portable else "cpu"
    if portable:
        arithmetic.check(name, args.threads, args.precision)
    if ranks.is_rank() and name != "cpu":
        name = _own_gpu(name)
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--device {name}: {reason}. Use --device cpu or auto.") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"--device {name}: only cpu and cuda are known. Use one of them or auto.")
    torch.set_num_threads(args.threads)
    _set_precision(device, args.precision)
    # the other function that says so loads torch's compiler, for as long as importing torch takes
    torch.set_deterministic_debug_mode("error")
    # nothing reads such memory; filling it costs time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    if device.type == "cpu":
        _keep_freed_memory()
    together = ranks.join(device)
    return Machine(device, args.threads, args.precision, args.arithmetic, together, started)


def _own_gpu(name: str) -> str:
    """Return the name of this rank's GPU; each rank of a machine has one of its own."""
    if name != "cuda":
        raise UserError(f"--device {name}: each process has a GPU of its own. Use --device cuda.")
    here, there_are = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if there_are < here:
        raise UserError(
            f"{here} processes were started on a machine with {there_are} GPUs, but each needs one "
            f"of its own. Start {there_are or 'them with --device cpu'}."
        )
    return f"cuda:{ranks.local_rank()}"


def _set_precision(device: torch.device, precision: str) -> None:
    """Make float32 mean float32: cuDNN's convolutions would compute in TF32 by default."""
    has_tf32 = device.type == "cuda" and (
        torch.cuda.get_device_capability(device)[0] >= FIRST_WITH_TF32
    )
    if precision == "tf32" and not has_tf32:
        raise UserError(
            f"--precision tf32: {device} has no such format, NVIDIA's GPUs since Ampere have it. "
            "Use float32 or bfloat16."
        )
    set_products("tf32" if precision == "tf32" else "ieee")


def set_products(precision: Literal["ieee", "tf32"]) -> None:
    """Say how a GPU multiplies float32 numbers: exactly, or rounded to TF32.

    In some versions of torch (2.11), the setting for all leaves convolutions as they are: TF32.
    """
    torch.backends.fp32_precision = precision  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = precision
    torch.backends.cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]


def _keep_freed_memory() -> None:
    """Tell glibc not to return large blocks: a page fault per activation halves the CPU's speed."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def _versions() -> dict[str, str]:
    """Return those of Python and the libraries; read once, as a container's files may go away."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "torchvision": version("torchvision"),  # its import takes longer than torch's
        "numpy": numpy.__version__,
        "libc": " ".join(platform.libc_ver()).strip() or "unknown",
    }
