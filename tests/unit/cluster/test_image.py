"""What is said of the container image that rules run in."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import REPO

from cogloat.cluster.image import (
    LABELS,
    Image,
    check_is_locked,
    check_made_from,
    inspect,
    read_lock,
    write_lock,
)
from cogloat.errors import UserError
from cogloat.files import sha256

LOCK = Path("containers/images.lock.yaml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with an image, which here is any file: only its bytes matter."""
    for name in ("requirements/train.txt", "containers/train.def", "containers/train.sif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def image(root: Path) -> Image:
    return Image(
        path="containers/train.sif",
        sha256=sha256(root / "containers/train.sif"),
        requirements=sha256(root / "requirements/train.txt"),
        recipe=sha256(root / "containers/train.def"),
        debian="0" * 64,
        base="bookworm http://snapshot.debian.org",
        revision="0123abc",
    )


@pytest.mark.parametrize("revision", ["0123abc", "0841179", "12e4567", "1234567", "0012345"])
def test_lock_is_read_as_it_was_written(tmp_path: Path, image: Image, revision):
    """Whatever a revision looks like: one in fifty is a number in some version of YAML."""
    own = image.model_copy(update={"revision": revision})
    write_lock(tmp_path / "images.lock.yaml", own)
    assert read_lock(tmp_path / "images.lock.yaml") == own


def test_image_of_this_clone_passes(root: Path, image: Image):
    check_made_from(image, root)
    check_is_locked(image, root, LOCK)


@pytest.mark.parametrize("changed", ["requirements/train.txt", "containers/train.def"])
def test_stale_image_is_named_with_what_changed_and_the_fix(root: Path, image: Image, changed):
    (root / changed).write_text("other")
    with pytest.raises(UserError, match=rf"train\.sif is stale: {changed} .* `make container`"):
        check_made_from(image, root)


def test_missing_image_is_named_with_the_fix(root: Path, image: Image):
    (root / image.path).unlink()
    with pytest.raises(
        UserError, match=r"train\.sif: .* is missing\. Build it with `make container`"
    ):
        check_is_locked(image, root, LOCK)


def test_another_image_is_told_from_the_locked_one(root: Path, image: Image):
    (root / image.path).write_text("another")
    with pytest.raises(
        UserError, match=r"is not the image that containers/images\.lock\.yaml names"
    ):
        check_is_locked(image, root, LOCK)


def test_image_to_inspect_that_is_not_there_is_named(root: Path):
    with pytest.raises(UserError, match=r"other.sif: no such image. Build it with"):
        inspect(Path("other.sif"), root)


def test_without_apptainer_the_message_says_so(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(UserError, match="apptainer is not installed"):
        inspect(Path("containers/train.sif"), root)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{}", "apptainer names no labels of it. Build it"),
        ("not JSON", "apptainer names no labels of it. Build it"),
        ('{"data": {"attributes": {"labels": {}}}}', "has no label 'cogloat.requirements': it was"),
        (
            json.dumps({"data": {"attributes": {"labels": dict.fromkeys(LABELS.values(), "x")}}}),
            "its labels: requirements: String should match pattern",
        ),
    ],
)
def test_what_apptainer_says_of_another_image_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, said: str, message: str
):
    (root / "apptainer").write_text(f"#!/bin/sh\necho '{said}'\n")
    (root / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}:/usr/bin:/bin")
    with pytest.raises(UserError) as told:
        inspect(Path("containers/train.sif"), root)
    assert message in str(told.value)
    assert str(told.value).startswith("containers/train.sif")


def test_committed_lock_is_of_this_recipe_and_these_requirements():
    check_made_from(read_lock(REPO / LOCK), REPO)


# of scripts that no rule runs: what is trained is watched and handed on outside the image
NO_JOBS = {"rich", "rocrate", "safetensors", "tensorboard"}


def test_check_imports_all_that_the_code_imports():
    spec = importlib.util.spec_from_file_location("check", REPO / "containers/check.py")
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    trees = [ast.parse(file.read_text()) for file in (REPO / "src").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    packages = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    assert packages - NO_JOBS - {"cogloat", "torch", "pydantic_core"} == check.IMPORTS


def test_recipe_becomes_a_dockerfile_of_one_instruction_a_line():
    done = subprocess.run(
        [sys.executable, REPO / "containers/dockerfile.py", "--base", "debian@sha256:0"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("FROM debian@sha256:0")
    assert {line.split()[0] for line in lines} <= {
        "FROM",
        "ADD",
        "LABEL",
        "ENV",
        "RUN",
        "HEALTHCHECK",
    }
    assert "{{" not in done.stdout
    assert "--require-hashes" in done.stdout
