r"""Runs a command as on another processor, at full speed.

Libraries choose their code by CPUID, which tells a processor's maker, instructions and caches. Some
processors can trap it (`cpuid_fault` in /proc/cpuinfo); this traces the command, all that it starts
included, and answers as the other processor would. Instructions that the other one has not are
still carried out: that none is used, only an emulator shows. Examples, the second one of how a
processor got into the table:

    python tests/processor.py --as Haswell python tests/bits.py --output bits.json
    qemu-x86_64 -cpu Haswell python tests/processor.py --describe Haswell >>tests/processors.csv
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import mmap
import os
import signal
import sys
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("processors.csv")
NAMED = ("Haswell", "Skylake-Client", "Cascadelake-Server", "EPYC", "EPYC-Genoa")  # as QEMU does
CPUID = b"\x0f\xa2"
# rdi, rsi: leaf and subleaf; rdx: gets eax, ebx, ecx, edx
ASK = bytes.fromhex("53 89f8 89f1 4989d0 0fa2 418900 41895804 41894808 4189500c 5b c3")
# arch_prctl(ARCH_SET_CPUID, 0), after which CPUID is a fault; int3
REFUSE = bytes.fromhex("bf12100000 31f6 b89e000000 0f05 cc").ljust(16, b"\x90")
STATE = 0xD  # the leaf of the registers to save, which are this processor's
WORD = 8
TRACEME, PEEK, POKE, CONTINUE, REGISTERS, SET_REGISTERS, OPTIONS = 0, 1, 4, 7, 12, 13, 0x4200
# children and threads are followed and end with this process; exec stops
FOLLOW = 0x2 | 0x4 | 0x8 | 0x10 | 0x100000
EXECUTED = 4
ANY_THREAD = 0x40000000
NAMES = (
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx"),
    *("rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base"),
    *("ds", "es", "fs", "gs"),
)

Answers = dict[tuple[int, int], tuple[int, int, int, int]]


class Registers(ctypes.Structure):
    """Linux's user_regs_struct of an x86-64."""

    _fields_ = tuple((name, ctypes.c_ulonglong) for name in NAMES)


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, process: int, address: int | None = None, data: int | None = None) -> int:
    """Ask Linux something about a process that is traced."""
    ctypes.set_errno(0)
    value = int(libc.ptrace(request, process, address, data))
    if ctypes.get_errno():
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "ptrace")
    return value


@cache
def asked(leaf: int, subleaf: int) -> tuple[int, int, int, int]:
    """Return what this processor answers."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(ASK)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    numbers = (ctypes.c_uint32 * 4)()
    kinds = (ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
    ctypes.CFUNCTYPE(None, *kinds)(address)(leaf, subleaf, ctypes.addressof(numbers))
    return (numbers[0], numbers[1], numbers[2], numbers[3])


def describe(name: str) -> None:
    """Print this processor's answers as rows of the table."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for first in (0, 0x8000_0000):
        for leaf in range(first, asked(first, 0)[0] + 1):
            for subleaf in range(8):
                own = asked(leaf, subleaf)
                if subleaf == 0 or (any(own) and own != asked(leaf, 0)):
                    rows.writerow([name, *(f"{number:x}" for number in (leaf, subleaf, *own))])


def described(name: str) -> Answers:
    """Return the answers of a processor of the table."""
    with TABLE.open(newline="") as file:
        rows = [row[1:] for row in csv.reader(file) if row[0] == name]
    numbers = [[int(number, 16) for number in row] for row in rows]
    return {(leaf, subleaf): (a, b, c, d) for leaf, subleaf, a, b, c, d in numbers}


def answer(answers: Answers, leaf: int, subleaf: int) -> tuple[int, int, int, int]:
    """Return what a processor answers, of which not every subleaf is listed."""
    if leaf == STATE:
        return asked(leaf, subleaf)
    if (leaf, subleaf) in answers:
        return answers[leaf, subleaf]
    several = (leaf, 1) in answers or leaf in (4, 7)
    return (0, 0, 0, 0) if several else answers.get((leaf, 0), (0, 0, 0, 0))


def words(process: int, address: int) -> list[int]:
    """Return two words of a process's memory."""
    return [ptrace(PEEK, process, address + at) for at in (0, WORD)]


def write(process: int, address: int, both: list[int]) -> None:
    """Put two words into a process's memory."""
    for at, word in zip((0, WORD), both, strict=True):
        ptrace(POKE, process, address + at, word)


def registers(process: int) -> Registers:
    """Return the registers of a process that has stopped."""
    own = Registers()
    ptrace(REGISTERS, process, None, ctypes.addressof(own))
    return own


def refuse(process: int) -> None:
    """Make CPUID a fault in a program that has just been started."""
    before = registers(process)
    program = words(process, before.rip)
    refusing = [int.from_bytes(REFUSE[at : at + WORD], "little", signed=True) for at in (0, WORD)]
    write(process, before.rip, refusing)
    ptrace(CONTINUE, process)
    _, status = os.waitpid(process, ANY_THREAD)
    if not os.WIFSTOPPED(status) or registers(process).rax != 0:
        raise SystemExit("error: this processor cannot trap CPUID.")
    write(process, before.rip, program)
    ptrace(SET_REGISTERS, process, None, ctypes.addressof(before))


def answered(process: int, answers: Answers) -> bool:
    """Answer for a processor, if that is what has stopped a process."""
    own = registers(process)
    if words(process, own.rip)[0].to_bytes(WORD, "little", signed=True)[:2] != CPUID:
        return False
    found = answer(answers, own.rax & 0xFFFF_FFFF, own.rcx & 0xFFFF_FFFF)
    own.rax, own.rbx, own.rcx, own.rdx = found
    own.rip += len(CPUID)
    ptrace(SET_REGISTERS, process, None, ctypes.addressof(own))
    return True


def follow(first: int, answers: Answers) -> int:
    """Answer for all processes of a command until it ends; return its exit status."""
    known = {first}
    while True:
        process, status = os.waitpid(-1, ANY_THREAD)
        if not os.WIFSTOPPED(status):
            known.discard(process)
            if process == first:
                return os.waitstatus_to_exitcode(status)
            continue
        number, event = os.WSTOPSIG(status), status >> 16
        passed_on = 0
        if event == EXECUTED:
            refuse(process)
        elif process not in known:  # stopped as it begins
            known.add(process)
        elif event == 0 and not (number == signal.SIGSEGV and answered(process, answers)):
            passed_on = number
        ptrace(CONTINUE, process, None, passed_on)


def run_as(answers: Answers, command: list[str]) -> int:
    """Run a command as on a processor; return its exit status."""
    process = os.fork()
    if process == 0:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(process, 0)
    ptrace(OPTIONS, process, None, FOLLOW)
    ptrace(CONTINUE, process)
    return follow(process, answers)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--describe", metavar="NAME", help="print this processor's answers")
    group.add_argument("--as", dest="name", choices=NAMED, help="the other processor")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="to run as on that processor")
    args = parser.parse_args()
    if args.describe:
        describe(args.describe)
        return
    sys.exit(run_as(described(args.name), args.command))


if __name__ == "__main__":
    main()
