r"""Accept results that earlier code has made, where the code changed and no bit of them does.

Makes the tiny runs of every method (config/datasets/tiny.yaml) by an earlier revision and by the
files as they are now, in copies, and compares what they leave, byte for byte. If nothing differs,
the new code's fingerprints stand for the earlier ones in workflow/certified.json, and nothing is
trained again; each later result records both. If something differs, it is named, and nothing is
written.
Cost: ten minutes on two cores.

Example:
    python src/certify.py --revision HEAD --output workflow/certified.json
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cogloat.certificates import Certificate, read_certificates, write_certificates
from cogloat.errors import UserError
from cogloat.files import sha256, writable_file
from cogloat.methods.moco.settings import MomentumContrast
from cogloat.methods.moco.settings import Settings as Moco
from cogloat.methods.settings import Training
from cogloat.runs.load import load_method

RUNS = "results/runs/tiny/if10"
COMPARED = (
    "data/tiny/*.npy",
    "results/splits/tiny/*.csv",
    "results/coresets/tiny/**/*.csv",
    "results/targets/*.npy",
    f"{RUNS}/**/weights.pt",
    f"{RUNS}/**/history.csv",
    f"{RUNS}/**/metrics.json",
    f"{RUNS}/**/confusion.csv",
    f"{RUNS}/**/features.json",
    f"{RUNS}/**/gradients.json",
    f"{RUNS}/**/separability*.json",
    f"{RUNS}/**/leak.json",
)
# what a pre-training is measured by -> the script
MEASURES = {
    "features.json": "measure_features.py",
    "gradients.json": "measure_gradients.py",
    "separability4.json": "measure_separability.py",
    "leak.json": "measure_leak.py",
}
# of which pre-trainings, where not of all
MEASURED = {"gradients.json": Moco, "leak.json": MomentumContrast}
ASK = (
    "import json, pathlib, cogloat.certificates as known;"
    "print(json.dumps(known.codes(pathlib.Path('src'))))"
)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--revision", default="HEAD", help="that made the results (default: HEAD)")
    parser.add_argument(
        "--output", type=writable_file, required=True, help="workflow/certified.json"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Certify."""
    args = parse_args(argv)
    root = Path.cwd()
    revision = _run(["git", "rev-parse", "--short", args.revision], root).strip()
    with tempfile.TemporaryDirectory(prefix="certify-") as folder:
        earlier, present = Path(folder, "earlier"), Path(folder, "present")
        _copy_revision(root, revision, earlier)
        _copy_present(root, present)
        changed = _changed(_codes(earlier), _codes(present))
        if not changed:
            print(f"no code that makes results has changed since {revision}")
            return
        targets = _targets(present, earlier)
        before, now = _make(earlier, targets), _make(present, targets)
    _check_equal(before, now, revision)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    certificates = read_certificates(args.output) | {
        own: Certificate(stands_for=other, of=name, earlier=revision, day=today, files=len(now))
        for name, (own, other) in changed.items()
    }
    write_certificates(args.output, certificates)
    print(f"{len(now)} files are equal to those of {revision}: {', '.join(changed)}")


def _changed(
    earlier: dict[str, list[str]], present: dict[str, list[str]]
) -> dict[str, tuple[str, str]]:
    """Return what changed -> its fingerprint now, and the one that earlier results carry."""
    return {
        name: (own, earlier[name][1])
        for name, (own, carried) in present.items()
        if name in earlier and carried != earlier[name][1]
    }


def _codes(tree: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(_run([sys.executable, "-c", ASK], tree))
    return found


def _targets(present: Path, earlier: Path) -> list[str]:
    """Return what is made of every method that both have, by scripts that both have."""
    targets = []
    for file in sorted(present.glob("config/methods/*.yaml")):
        if (earlier / file.relative_to(present)).exists():
            run = f"{RUNS}/{file.stem}/seed0"
            targets.append(f"{run}/metrics.json")
            pretrain = load_method(present / "config", file.stem).pretrain
            for name, script in MEASURES.items() if pretrain else ():
                measured = isinstance(pretrain, MEASURED.get(name, Training))
                if (earlier / "src" / script).exists() and measured:
                    targets.append(f"{run}/{name}")
    return targets


def _make(tree: Path, targets: Sequence[str]) -> dict[str, str]:
    """Make the tiny runs in a copy of the project; return what they left, with its SHA-256."""
    print(f"{tree.name}: {len(targets)} results", file=sys.stderr)
    _run(["snakemake", "--quiet", "all", "--", *targets], tree)
    files = [file for pattern in COMPARED for file in sorted(tree.glob(pattern))]
    return {str(file.relative_to(tree)): sha256(file) for file in files}


def _check_equal(earlier: dict[str, str], present: dict[str, str], revision: str) -> None:
    missing = sorted(earlier.keys() ^ present.keys())
    differ = [name for name in earlier.keys() & present.keys() if earlier[name] != present[name]]
    for name in [*missing, *sorted(differ)]:
        raise UserError(
            f"{name} differs between {revision} and the present code, and so may what it makes. "
            "Nothing was certified; make the results again."
        )


def _copy_revision(root: Path, revision: str, tree: Path) -> None:
    tree.mkdir()
    archive = tree.with_suffix(".tar")
    _run(["git", "archive", "--output", str(archive), revision], root)
    _run(["tar", "--extract", "--file", str(archive)], tree)


def _copy_present(root: Path, tree: Path) -> None:
    tree.mkdir()
    listed = _run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], root)
    names = [name for name in listed.splitlines() if os.path.lexists(root / name)]
    _run(["cp", "--parents", "--no-dereference", *names, str(tree)], root)


def _run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": "src", "PATH": path, "OMP_NUM_THREADS": "1"}
    if shutil.which(command[0], path=path) is None:
        raise UserError(f"{command[0]}: there is no such command. Install it, or activate .venv.")
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no message"]
        raise UserError(f"{command[0]} failed in {folder}: {last[0]}")
    return done.stdout


if __name__ == "__main__":
    main()
