"""The project in small: collections, datasets and commands have their names, and take seconds."""

import os
import shutil
import sys
from pathlib import Path

import yaml
from imagenet import make_miniature
from project import Project
from scripts import OVERRIDES, REPO

METHODS = ["ce", "cogloat_proco"]


def make_small(root: Path) -> Project:
    """Copy the project; CIFAR is digits, ImageNet-LT a miniature, all by budgets of seconds."""
    project = Project.new(root)
    for file in REPO.iterdir():
        if file.is_file():
            shutil.copy(file, root)
    (root / "tests").mkdir()
    shutil.copy(REPO / "tests/validate_crate.py", root / "tests")
    _link_environment(Path(sys.prefix), root / ".venv")
    for lock in (root / "requirements").iterdir():  # older than the environment made from them
        os.utime(lock, (0, 0))
    _shrink_datasets(root / "config", root / "data/raw")
    _shrink_collections(root / "config/config.yaml")
    return project


def _link_environment(whole: Path, own: Path) -> None:
    """Link an environment's parts; `python` is the one that has imported the libraries already."""
    (own / "bin").mkdir(parents=True)
    for part in (*whole.iterdir(), *(whole / "bin").iterdir()):
        link = own / part.relative_to(whole)
        if not link.exists():
            link.symlink_to(REPO / "tests/bin/python" if part.name == "python" else part)


def _shrink_datasets(config: Path, raw: Path) -> None:
    folder = config / "datasets"
    for name in ("digits", "imagenet_lt"):
        (folder / f"{name}.yaml").rename(folder / f"{name}_whole.yaml")
    _write(folder / "digits.yaml", {"extends": "digits_whole", "overrides": OVERRIDES})
    make_miniature(raw).describe(config, "imagenet_lt", extends="imagenet_lt_whole")
    for name in ("cifar10", "cifar100"):
        label = yaml.safe_load((folder / f"{name}.yaml").read_text())["label"]
        own = {"extends": "digits", "label": label, "resources": {"arithmetic": "native"}}
        _write(folder / f"{name}.yaml", own)


def _shrink_collections(file: Path) -> None:
    config = yaml.safe_load(file.read_text())
    whole = config["collections"]
    shown = {}
    for name, dataset in (("paper", "cifar100"), ("demo", "digits")):
        grid = {"datasets": [dataset], "factors": [100], "methods": METHODS, "seeds": [0]}
        shown[name] = {
            "tables": {"table2": whole[name]["tables"]["table2"] | grid},
            "figures": {"curves": whole[name]["figures"]["curves"]},
            "claims": True,
        }
    table5 = whole["demo-full"]["tables"]["table5"] | {"seeds": [0]}
    made = shown | {"demo-full": {"tables": {"table5": table5}}, "acceptance": whole["acceptance"]}
    _write(file, config | {"collections": made})


def _write(file: Path, document: dict) -> None:
    file.write_text(yaml.safe_dump(document, sort_keys=False))
