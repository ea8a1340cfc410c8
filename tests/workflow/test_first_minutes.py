"""What `make demo` and `make report` show: a screen on a terminal, short lines elsewhere."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import yaml
from PIL import Image
from project import Project
from scripts import REPO

pytestmark = pytest.mark.long

ROWS, COLUMNS = 40, 110
MOST = 60  # lines that are left on a terminal
COLLECTIONS = {"demo": "demo", "report": "demo-full"}  # target of make -> collection


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A clone with the runs of both collections, but without their tables."""
    project = finished.copy(tmp_path / "project")
    shutil.copy(REPO / "Makefile", project.root)
    (project.root / ".venv").symlink_to(sys.prefix)
    config = project.root / "config/config.yaml"
    workflow = yaml.safe_load(config.read_text())
    grid = {"datasets": ["tiny"], "factors": [10], "methods": ["ce", "kcl"], "seeds": [0]}
    made = {
        "tables": {"table2": {"kind": "accuracy", "printed": "table2", **grid}},
        "figures": {"curves": {"kind": "curves", "of": "table2"}},
        "claims": True,
    }
    collections = dict.fromkeys(COLLECTIONS.values(), made) | {"other": made}
    config.write_text(
        yaml.safe_dump(workflow | {"collection": "other", "collections": collections})
    )
    return project


def make(target: str) -> tuple[str, ...]:
    return ("make", "--no-print-directory", "--old-file", ".venv/.complete", target)


def on_terminal(project: Project, *command: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its status and what it wrote."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=project.root,
        env=os.environ | {"TERM": "xterm-256color", "OMP_NUM_THREADS": "1"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    written = b""
    while True:
        try:
            written += os.read(ours, 1 << 16)
        except OSError:  # its last writer is gone
            break
    os.close(ours)
    return process.wait(), written.decode(errors="replace")


def lines_left(written: str) -> int:
    """Return how many lines a terminal shows after all that moves up again and is overwritten."""
    return written.count("\n") - written.count("\x1b[1A")


def plain(written: str) -> str:
    """Return the words without colours and line breaks."""
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written).split())


@pytest.mark.parametrize("target", COLLECTIONS)
def test_on_a_terminal_there_is_a_bar_a_rule_and_a_report_at_the_end(project: Project, target):
    status, written = on_terminal(project, *make(target))
    assert status == 0, written
    for rule in ("tabulate", "tabulate machines", "plot curves", "audit", "Total Progress"):
        assert re.search(rf"{rule} *━+ *100%", plain(written)), rule
    assert lines_left(written) <= MOST
    assert "python src" not in written
    folder = f"results/{COLLECTIONS[target]}"
    assert written.rstrip().endswith(f"open {folder}/report.html")
    page = (project.root / folder / "report.html").read_text()
    assert f"{folder}/table2.html" in page
    assert f"{folder}/figures/curves_tiny_if10.png" in page


def test_elsewhere_there_are_short_lines_and_no_control_codes(project: Project):
    done = project.run(*make("demo"))
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout
    assert "demo: 3 trainings: 3 finished\n" in done.stdout
    assert "| CE | classifier | 3 | tilt |" in done.stdout
    assert "python src" not in done.stdout
    assert len(done.stdout.splitlines()) <= MOST


@pytest.mark.parametrize("terminal", [True, False])
def test_failed_job_is_shown_with_its_rule_its_log_and_its_message(project: Project, terminal):
    metrics = "results/runs/tiny/if10/ce/seed0/metrics.json"
    (project.root / metrics).write_text("{}\n")
    if terminal:
        status, written = on_terminal(project, *make("demo"))
    else:
        done = project.run(*make("demo"))
        status, written = done.returncode, done.stdout
    assert status != 0
    words = plain(written)
    assert "Failed tabulate" in words
    assert "logs/demo/table2.log" in words
    assert f"error: {metrics}: " in words
    assert "report.html" not in words


def test_watching_shows_what_the_configuration_names_or_what_is_asked_for(project: Project):
    assert project.run(*make("watch")).stdout == "other: 3 trainings: 3 finished\n"
    (project.root / "results/runs/tiny/if10/ce/seed0/train/weights.pt").unlink()
    (project.root / "logs/tiny/if10/ce/seed0/train.log").unlink()
    done = project.run(*make("watch"), "COLLECTION=demo")
    assert done.stdout == "demo: 3 trainings: 2 finished, 1 waiting\n"


def test_exporting_hands_on_a_run_that_predicts(project: Project):
    named = ("DATASET=tiny", "IMBALANCE=if10", "METHOD=ce")
    done = project.run(*make("export"), *named)
    assert done.returncode == 0, done.stdout
    folder = project.root / "exports/tiny/if10/ce/seed0"
    assert "# ce on tiny, IF 10, seed 0" in (folder / "README.md").read_text()
    photo = project.root / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    model = ("--model", str(folder / "model.safetensors"))
    predict = (sys.executable, "src/predict.py", *model, "--output", "own.csv", str(photo))
    assert project.run(*predict).stdout == ""
    assert len((project.root / "own.csv").read_text().splitlines()) == 2


def test_exporting_asks_for_a_method(project: Project):
    done = project.run(*make("export"))
    assert done.returncode != 0
    assert "METHOD: name one of config/methods" in done.stdout
    assert not (project.root / "exports").exists()
