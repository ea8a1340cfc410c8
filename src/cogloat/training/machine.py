"""What belongs to the machine and not to the method: device, threads, precision."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
from dataclasses import dataclass
from typing import Any

import numpy
import torch
import torchvision

from cogloat.errors import UserError

IMAGE_VARIABLE = "COGLOAT_IMAGE"  # SHA-256 of the container image that a job runs in
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


@dataclass(frozen=True)
class Machine:
    """Where and how a stage runs."""

    device: torch.device
    threads: int
    precision: str

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass in this machine's precision."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )

    def describe(self) -> dict[str, Any]:
        """Return what provenance records of the machine."""
        cuda = self.device.type == "cuda"
        return {
            "device": torch.cuda.get_device_name(self.device) if cuda else _processor(),
            "threads": self.threads,
            "precision": self.precision,
            "image": os.environ.get(IMAGE_VARIABLE),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                "numpy": numpy.__version__,
            },
        }


def add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --device, --threads and --precision to a script."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    group.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    group.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of the networks' forward passes (default: float32)",
    )


def set_up_machine(args: argparse.Namespace) -> Machine:
    """Choose the device and make every operation deterministic.

    Raises:
        UserError: if the device does not exist.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before CUDA starts
    name = args.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--device {name}: {reason}. Use --device cpu or auto.") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"--device {name}: only cpu and cuda are known. Use one of them or auto.")
    if args.threads < 1:
        raise UserError(f"--threads {args.threads}: at least 1 is needed. Change the value.")
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    # nothing reads such memory; filling it costs time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    if device.type == "cpu":
        _keep_freed_memory()
    return Machine(device, args.threads, args.precision)


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
