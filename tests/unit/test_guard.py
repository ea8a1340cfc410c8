"""Scripts end in one message whatever goes wrong around them; in processes of their own."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts import REPO

SCRIPTS = sorted((REPO / "src").glob("*.py"))
BEGINNING = 'from cogloat import guard\n\nif __name__ == "__main__":\n    guard.install()\n\n'
PORTABLE = "    arithmetic.install()\n"  # before the libraries that it is for
BINDINGS = {  # what a shell makes of 2>&- and the like
    "closed": "{} 2>&-",
    "all closed": "{} <&- >&- 2>&-",
    "full": "{} 2>/dev/full",
    "without a reader": "{{ sleep 0.2; {}; }} 2> >(:)",
}


def written(folder: Path, body: str, modules: str = "") -> list[str]:
    """Write a script that begins as ours do; return its command line."""
    script = folder / "script.py"
    script.write_text(f"{modules}{BEGINNING}{body}\n")
    return [sys.executable, str(script)]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPO / "src")}


def ended(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a script of some statements to its end."""
    return subprocess.run(
        written(folder, body), env=environment(), text=True, capture_output=True, check=False
    )


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], env=environment(), text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_guarded_before_it_imports_anything(script):
    _, future, first, second, *_, last = ast.parse(script.read_text()).body  # after the docstring
    assert ast.unparse(future) == "from __future__ import annotations"
    begins = f"{ast.unparse(first)}\n\n{ast.unparse(second)}\n\n"
    begins = begins.replace("import arithmetic, guard", "import guard").replace(PORTABLE, "")
    assert begins == BEGINNING.replace('"', "'")
    assert ast.unparse(last) == "if __name__ == '__main__':\n    main()"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("from cogloat.errors import UserError; raise UserError('5 is odd. Add 1.')", "5 is odd."),
        ("raise MemoryError", "out of memory. Use a GPU or a machine with more of it"),
        ("raise RuntimeError('CUDA out of memory. Tried 2 GiB.')", "out of memory. Use a GPU"),
        ("import not_there_at_all", "not_there_at_all is not installed for "),
        pytest.param("import torch; torch.empty(2**60)", "out of memory.", marks=pytest.mark.slow),
        ("open('/dev/full', 'w').write('x' * 10**6)", "the disk is full. Free some space"),
        ("open('/nowhere/x')", "/nowhere/x: no such file. Check the path."),
        ("open('/dev')", "/dev: this is a folder, a file is needed."),
        ("import os; os.mkdir('/tmp')", "/tmp: a file, or a link that leads nowhere, is in the"),
        ("open('a' * 300)", "the name is too long for this disk. Choose a shorter one."),
        (
            "from resource import *; setrlimit(RLIMIT_NOFILE, (3, 3)); open('/dev/null')",
            "/dev/null: too many files are open in one process. Raise the limit, `ulimit -n`",
        ),
    ],
)
def test_fault_that_is_not_the_codes_is_one_line(tmp_path, body, message):
    done = ended(tmp_path, body)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_has_said_its_fault_ends_with_its_own_status(tmp_path):
    stopped = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGTERM)"
    done = ended(tmp_path, f"{stopped}; open('/nowhere/x')")
    assert (done.returncode, done.stderr.count("error: ")) == (2, 1)


@pytest.mark.parametrize("body", ["1 + 'a'", "raise RuntimeError('shapes differ')", "{}['epoch']"])
def test_fault_of_the_code_keeps_its_traceback(tmp_path, body):
    done = ended(tmp_path, body)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert body in done.stderr


# --- Ctrl-C ---


def interrupted(command: list[str]) -> tuple[int, str]:
    """Interrupt a process as soon as it says that it is ready."""
    process = subprocess.Popen(
        command, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    return process.returncode, errors


def test_interruption_is_one_word(tmp_path):
    body = "import time\nprint('ready')\ntime.sleep(60)"
    assert interrupted(written(tmp_path, body)) == (130, "interrupted\n")


def test_interruption_of_an_import_that_would_swallow_it_ends_it(tmp_path):
    """As NumPy's and torch's do."""
    (tmp_path / "library.py").write_text(
        "import time\nprint('ready')\ntry:\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    raise ImportError('cannot load module twice')\n"
    )
    assert interrupted(written(tmp_path, "import library")) == (130, "interrupted\n")


def test_interruption_inside_a_callback_that_passes_nothing_on_ends_it(tmp_path):
    body = (
        "import time\nclass Kept:\n    def __del__(self):\n        print('ready')\n"
        "        time.sleep(60)\nkept = Kept()\ndel kept\nprint('went on')"
    )
    assert interrupted(written(tmp_path, body)) == (130, "interrupted\n")


def test_interruption_runs_what_cleans_up(tmp_path):
    body = (
        "import pathlib, time\ntry:\n    print('ready')\n    time.sleep(60)\n"
        f"finally:\n    pathlib.Path({str(tmp_path / 'cleaned')!r}).touch()"
    )
    assert interrupted(written(tmp_path, body))[0] == 130
    assert (tmp_path / "cleaned").exists()


@pytest.mark.slow
def test_a_real_script_interrupted_while_it_imports_is_one_word():
    for delay in (0.3, 0.6, 0.9):
        process = subprocess.Popen(
            [sys.executable, str(REPO / "src/train.py"), "--config", "x"],
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        if process.returncode != 2:  # it was faster
            assert (process.returncode, errors) == (130, "interrupted\n")


# --- standard streams ---


@pytest.mark.slow
@pytest.mark.parametrize("binding", BINDINGS.values(), ids=BINDINGS)
def test_messages_that_cannot_be_written_cost_nothing(tmp_path, binding):
    result = tmp_path / "result"
    body = (
        "import sys, warnings\nfor _ in range(100):\n    print('x' * 1000, file=sys.stderr)\n"
        "warnings.warn('careful')\nsys.stderr.flush()\n"
        f"with open({str(result)!r}, 'wb') as file:\n"
        "    file.write(b'whole')"
    )
    done = shell(binding.format(" ".join(written(tmp_path, body))))
    assert done.returncode == 0, done.stderr
    assert result.read_bytes() == b"whole"


@pytest.mark.slow
@pytest.mark.parametrize("binding", BINDINGS.values(), ids=BINDINGS)
def test_exit_status_tells_of_an_error_that_no_message_can(tmp_path, binding):
    command = " ".join(written(tmp_path, "open('/nowhere/x')"))
    assert shell(binding.format(command)).returncode == 2


@pytest.mark.slow
def test_reader_that_has_seen_enough_ends_nothing(tmp_path):
    command = " ".join(written(tmp_path, "for n in range(100_000):\n    print(n)"))
    done = shell(f"{command} | head -1; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.mark.parametrize("body", ["print('digest')", "import sys; sys.stdout.write('digest')"])
def test_output_that_does_not_fit_on_the_disk_is_one_message(tmp_path, body):
    done = shell(" ".join([*written(tmp_path, body), ">/dev/full"]))
    assert done.returncode == 2
    assert done.stderr == (
        "error: standard output: the disk is full. "
        "Free some space and run the same command again.\n"
    )


def test_what_a_library_writes_to_a_closed_stream_is_in_no_result(tmp_path):
    """Else the first file that is opened would be number 2."""
    result = tmp_path / "weights.pt"
    body = (
        f"import os\nwith open({str(result)!r}, 'wb') as file:\n"
        "    os.write(2, b'[W] a warning of C++')\n    file.write(b'weights')"
    )
    assert shell(" ".join([*written(tmp_path, body), "2>&-"])).returncode == 0
    assert result.read_bytes() == b"weights"


# --- without what is needed ---


@pytest.mark.slow
def test_missing_package_is_named_by_a_real_script(tmp_path):
    """torch is hidden, as in the environment of a submit host."""
    hidden = "import sys\nsys.modules['torch'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hidden)
    done = subprocess.run(
        [sys.executable, str(REPO / "src/train.py"), "--help"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: torch is not installed for {sys.executable}. Activate")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_too_little_memory_for_the_imports_is_one_line():
    done = shell(f"ulimit -v 300000; {sys.executable} {REPO / 'src/train.py'} --help")
    assert done.returncode == 2
    assert done.stderr.startswith("error: out of memory. Use a GPU or a machine with more of it")
    assert done.stderr.count("\n") == 1
