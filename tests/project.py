"""A copy of the project in which the real Snakemake runs."""

import atexit
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import yaml
from scripts import REPO

from cogloat.arithmetic import SETTINGS

PARTS = ("workflow", "src", "config", "containers", "requirements")


def files(root: Path) -> dict[str, bytes]:
    """Return what a person edits: name -> content."""
    found = [path for part in PARTS for path in (root / part).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in found
        if path.suffix not in (".pyc", ".sif")
    }


def state() -> str:
    """Return a hash of what results are made of: the project, the tests' modules, the libraries."""
    modules = {path.name: path.read_bytes() for path in (REPO / "tests").glob("*.py")}
    libraries = (sys.version, metadata.version("torch"))
    made_of = (libraries, sorted(files(REPO).items()), sorted(modules.items()))
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]


def jobs(output: str) -> dict[str, set[str]]:
    """Return what Snakemake lists or runs: rule -> first output of each of its jobs."""
    listed = defaultdict(set)
    pattern = r"^(?:local)?rule (\w+):\n(?:    input: .*\n)?    output: ([^,\n]+)"
    for rule, first in re.findall(pattern, output, re.M):
        listed[rule].add(first)
    return dict(listed)


def _environment(*first: Path) -> dict[str, str]:
    """Return one in which the environment of the tests is active; some folders' commands first."""
    folders = [*map(str, first), str(Path(sys.executable).parent), os.environ["PATH"]]
    return os.environ | {"PATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"}


def _serve(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start one of the processes of this test process; it ends with the pipes to it."""
    return subprocess.Popen(
        [sys.executable, "-P", str(REPO / "tests" / script), *map(str, arguments)],
        env=_environment() | environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@cache
def interpreters() -> dict[str, str]:
    """Start what runs scripts of the project; return the environment in which `python` asks it."""
    sockets = tempfile.mkdtemp(prefix="cogloat")
    atexit.register(shutil.rmtree, sockets)
    loaded_with = {"native": {}, "portable": SETTINGS}
    servers = [
        _serve("interpreter.py", f"{sockets}/{kind}", **environment)
        for kind, environment in loaded_with.items()
    ]
    for server in servers:
        assert server.stdout is not None
        server.stdout.readline()
        atexit.register(server.terminate)
    path = _environment(REPO / "tests/bin")["PATH"]
    return {"PATH": path, "COGLOAT_INTERPRETERS": sockets}


@cache
def _snakemakes(*, with_jobs: bool) -> subprocess.Popen[str]:
    """Start what runs Snakemake; its jobs' scripts are forks too, or it has none."""
    return _serve("graphs.py", **(interpreters() if with_jobs else {}))


class Project:
    """A copy of what Snakemake reads."""

    def __init__(self, root: Path) -> None:
        """Take a folder that holds the project."""
        self.root = root

    @classmethod
    def new(cls, root: Path) -> "Project":
        """Copy the repository's files."""
        for part in PARTS:
            ignored = shutil.ignore_patterns("__pycache__", "*.sif")
            shutil.copytree(REPO / part, root / part, ignore=ignored)
        shutil.copy(REPO / "slurm", root / "slurm", follow_symlinks=False)
        return cls(root)

    @classmethod
    def tiny(cls, root: Path, overrides: dict | None = None) -> "Project":
        """Copy the files; the only collection is the paper's, of tiny runs with one seed.

        Table 3, of photographs, has a test of its own.
        """
        project = cls.new(root)
        config = project.root / "config"
        if overrides is not None:
            tiny = config / "datasets" / "tiny.yaml"
            dataset = yaml.safe_load(tiny.read_text()) | {"overrides": overrides}
            tiny.write_text(yaml.safe_dump(dataset))
        workflow = yaml.safe_load((config / "config.yaml").read_text())
        paper = workflow["collections"]["paper"]
        del paper["tables"]["table3"]
        smaller = {"datasets": ["tiny"], "factors": [10], "seeds": [0], "rounds": 2, "steps": 1}
        for part in (*paper["tables"].values(), *paper["figures"].values()):
            part.update({key: value for key, value in smaller.items() if key in part})
        only = {"collection": "tiny", "collections": {"tiny": paper}}
        (config / "config.yaml").write_text(yaml.safe_dump(workflow | only, sort_keys=False))
        return project

    def copy(self, root: Path) -> "Project":
        """Copy the project with all that was made in it; file times are those of the copy."""
        shutil.copytree(self.root, root, symlinks=True, copy_function=shutil.copyfile)
        return Project(root)

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run Snakemake to its end; its standard output follows its messages.

        It and the jobs that it runs here are forks of processes that have imported their libraries:
        half of a dry-run's time, and most of a tiny job's. With an environment of its own, or for a
        cluster, it is a process of its own.
        """
        planned = "-n" in arguments
        if environment or ("--profile" in arguments and not planned):
            return self.run("snakemake", *arguments, **environment)
        server = _snakemakes(with_jobs=not planned)
        assert server.stdin is not None
        assert server.stdout is not None
        with tempfile.NamedTemporaryFile("r") as output:
            request = [str(self.root), output.name, *arguments]
            print(json.dumps(request), file=server.stdin, flush=True)
            status = int(server.stdout.readline())
            return subprocess.CompletedProcess(["snakemake", *arguments], status, output.read())

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """Start Snakemake as the leader of a process group of its own."""
        return self.popen("snakemake", *arguments, **environment)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a command; what it writes to its standard output and error is one text."""
        process = self.popen(*command, **environment)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def popen(self, *command: str, **environment: str) -> subprocess.Popen:
        """Start a command as the leader of a process group of its own."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=_environment() | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def plan(self, *arguments: str, **environment: str) -> dict[str, set[str]]:
        """Return what a dry-run lists: rule -> first output of each of its jobs."""
        done = self.snakemake("-n", *arguments, **environment)
        assert done.returncode == 0, done.stdout
        planned = jobs(done.stdout)
        assert planned or "Nothing to be done" in done.stdout
        return planned

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that a file has once."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} of: {old}"
        path.write_text(text.replace(old, new))

    @contextlib.contextmanager
    def edited(self, file: str, old: str, new: str) -> Iterator[None]:
        """Replace a text that a file has once, for the length of a `with` block."""
        path = self.root / file
        before = path.read_text()
        self.change(file, old, new)
        try:
            yield
        finally:
            path.write_text(before)
