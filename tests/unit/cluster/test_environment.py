"""Whether the `python` of the jobs has what they need, and what is said where it has not."""

import shutil
import sys
from pathlib import Path

import pytest
from scripts import REPO

from cogloat.cluster.environment import check_environment
from cogloat.errors import UserError
from cogloat.fingerprint import packages

SRC = REPO / "src"
TABLES = [SRC / "tabulate_runs.py", SRC / "plot_curves.py", SRC / "audit.py"]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which commands are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def python(folder: Path, body: str) -> None:
    """Make a command `python`; it gets what -c does, then the packages that are looked for."""
    command = folder / "python"
    command.write_text(f"#!{shutil.which('bash', path='/bin:/usr/bin')}\n{body}\n")
    command.chmod(0o755)


def lacking(folder: Path, *names: str) -> None:
    """Make a `python` that lacks some packages of those that it is asked for."""
    known = " ".join(f'[ "$n" = {name} ] && echo {name};' for name in names)
    python(folder, f'shift 2; for n in "$@"; do {known} done; true')


def test_a_python_that_has_everything_will_do(path):
    python(path, f'exec {sys.executable} "$@"')
    check_environment([SRC / "train.py", *TABLES])


def test_nothing_to_run_needs_no_python(path):
    check_environment([])


def test_no_python_is_told_with_how_it_gets_there(path):
    with pytest.raises(UserError) as caught:
        check_environment([SRC / "train.py"])
    activate = Path(sys.prefix, "bin", "activate")
    assert str(caught.value) in (
        f"python: there is no such command. Activate the environment: `. {activate}`.",
        "python: there is no such command. Put the environment first: "
        f"`export PATH={Path(sys.executable).parent}:$PATH`.",
    )


def test_python_of_another_environment_is_told_with_what_it_lacks(path):
    lacking(path, "torch", "yaml")
    with pytest.raises(UserError) as caught:
        check_environment([SRC / "train.py", SRC / "split.py"])
    message = str(caught.value)
    assert f"{path}/python lacks torch, yaml, needed by {SRC / 'train.py'}. " in message
    assert "Activate the environment: " in message or "Put the environment first: " in message
    assert "split.py" not in message


def test_environment_without_torch_is_told_how_to_get_it_and_may_make_tables(path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else name)
    lacking(path, "torch")
    check_environment(TABLES)
    with pytest.raises(
        UserError, match=r"lacks torch, needed by .*fetch\.py, .*train\.py\. Install"
    ):
        check_environment([*TABLES, SRC / "train.py", SRC / "fetch.py"])


def test_python_that_does_not_start_is_told(path):
    python(path, "echo 'python: command not found' >&2; exit 127")
    with pytest.raises(UserError, match="it does not start: python: command not found"):
        check_environment([SRC / "split.py"])


def test_what_only_type_checkers_import_is_not_needed(tmp_path):
    (tmp_path / "cogloat").mkdir()
    (tmp_path / "cogloat/__init__.py").touch()
    (tmp_path / "cogloat/one.py").write_text(
        "from typing import TYPE_CHECKING\nimport numpy.linalg\nif TYPE_CHECKING:\n"
        "    import torch\nelse:\n    import scipy\n"
    )
    script = tmp_path / "script.py"
    script.write_text("import os\nfrom cogloat.one import x\ndef late():\n    import pandas\n")
    assert packages(script) == {"numpy", "scipy", "pandas"}


@pytest.mark.parametrize("script", TABLES, ids=lambda path: path.name)
def test_tables_need_no_torch(script):
    assert "torch" not in packages(script)
