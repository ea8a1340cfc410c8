import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cogloat.files import sha256, write_atomically, write_json, write_text

SRC = Path(__file__).parents[2] / "src"


def test_failed_write_leaves_the_old_file_and_no_temporary(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")

    def fail_halfway(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as error:
        write_atomically(path, fail_halfway)
    assert error.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_json_refuses_numbers_that_json_has_not(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "metrics.json", {"accuracy": float("nan")})
    assert not list(tmp_path.iterdir())


def test_sha256_of_known_text(tmp_path):
    write_text(tmp_path / "a", "abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "a") == expected


def run_guarded(body: str) -> subprocess.CompletedProcess:
    script = (
        "from cogloat.errors import main_guard, UserError\n"
        f"def main():\n    {body}\n"
        "main_guard(main)"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(SRC)},
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "body",
    [
        "raise MemoryError",
        "raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB.')",
        "import torch; torch.empty(2**60)",
    ],
)
def test_lack_of_memory_is_one_message_and_a_nonzero_exit(body):
    done = run_guarded(body)
    assert done.returncode == 2
    assert done.stderr.startswith("error: out of memory. Use a GPU or a machine with more of it")
    assert "Traceback" not in done.stderr


def test_an_error_of_ours_keeps_its_traceback():
    assert "Traceback" in run_guarded("raise RuntimeError('shapes differ')").stderr


def test_full_disk_is_one_message_and_a_nonzero_exit(tmp_path):
    """/dev/full answers every write as a full disk does."""
    done = run_guarded("from pathlib import Path; Path('/dev/full').write_text('x')")
    assert done.returncode == 2
    assert "the disk is full. Free some space" in done.stderr
    assert "Traceback" not in done.stderr


def test_file_too_large_for_the_machine_leaves_the_old_one(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_text("old")
    done = run_guarded(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        f"from cogloat.files import write_text; write_text({str(path)!r}, 'x' * 5000)"
    )
    assert done.returncode == 2
    assert f"{path}: the file would be larger than this machine allows" in done.stderr
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["weights.pt"]


def test_file_in_place_of_a_folder_is_one_message(tmp_path):
    (tmp_path / "results").write_text("")
    done = run_guarded(
        "from cogloat.files import write_text; "
        f"write_text({str(tmp_path / 'results' / 'table.csv')!r}, 'x')"
    )
    assert done.returncode == 2
    assert "results/table.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistake_of_the_user_is_one_line():
    done = run_guarded("raise UserError('queue: 5 is odd. Make it even.')")
    assert (done.returncode, done.stderr) == (2, "error: queue: 5 is odd. Make it even.\n")


def test_what_a_killed_process_left_goes_with_the_next_write_of_the_same_file(tmp_path):
    names = (".state.pt.abc_0123", ".state.pt.zzzzzzzz", ".state.pt.old", ".state.pt.gz.abc_0123")
    for name in names:
        (tmp_path / name).write_bytes(b"half of it")
    write_text(tmp_path / "state.pt", "whole")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"state.pt", ".state.pt.old", ".state.pt.gz.abc_0123"}
