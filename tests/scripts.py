"""The real scripts, called in the tests' own process, and tiny runs: digits, three epochs."""

import contextlib
import importlib.util
import io
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import yaml

from cogloat.errors import explain
from cogloat.guard import EXIT_ERROR

REPO = Path(__file__).parents[1]
OVERRIDES = yaml.safe_load((REPO / "config/datasets/tiny.yaml").read_text())["overrides"]


@cache
def script_module(script: str) -> ModuleType:
    """Return one of the project's scripts as a module."""
    name = f"script_{Path(script).stem}"
    spec = importlib.util.spec_from_file_location(name, REPO / "src" / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def command(script: str, *arguments: object) -> list[str]:
    """Return the command line of one of the project's scripts."""
    return [sys.executable, str(REPO / "src" / script), *map(str, arguments)]


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of the project's scripts to its end, in this process, as `cogloat.guard` ends it."""
    line = list(map(str, arguments))
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            script_module(script).main(line)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except Exception as error:
            message = explain(error)
            if message is None:
                raise
            print(f"error: {message}", file=errors)
            code = EXIT_ERROR
    return subprocess.CompletedProcess(line, code, output.getvalue(), errors.getvalue())


def must(script: str, *arguments: object) -> None:
    """Run a script that must succeed."""
    done = run(script, *arguments)
    assert done.returncode == 0, done.stderr


class Tiny:
    """Paths and command lines of tiny runs on digits at imbalance factor 10."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = REPO / "config"
        self.store = root / "data"
        self.split = root / "if10.csv"
        self.coreset = root / "coreset.csv"

    def effective(self, method: str, stage: str, name: str = "config.json") -> Path:
        """Write and return a stage's effective configuration."""
        path = self.root / method / stage / name
        must(
            *("configure.py", "--config", self.config, "run", "--dataset", "tiny"),
            *("--factor", 10, "--method", method, "--seed", 0, "--stage", stage),
            *("--output", path),
        )
        return path

    def arguments(self, config: Path, output: Path, **files: Path) -> list[object]:
        """Return the arguments of train.py; the resume state is beside what it makes."""
        return [
            *("--config", config, "--store", self.store, "--split", self.split),
            *("--output-dir", output, "--scratch", output / "scratch"),
            *(part for name, file in files.items() for part in ("--input", f"{name}={file}")),
        ]
