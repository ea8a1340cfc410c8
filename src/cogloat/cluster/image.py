"""The container image that rules run in: which one it is, and whether it is what the locks ask for.

`containers/images.lock.yaml` names it, with the SHA-256 of the image and of what it was made from.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cogloat.config.reading import load, validate
from cogloat.config.types import Strict
from cogloat.errors import UserError
from cogloat.files import sha256, write_text
from cogloat.readers.strict_yaml import dump_yaml

REQUIREMENTS = Path("requirements/train.txt")
RECIPE = Path("containers/train.def")
GET_IT = "Build it with `make container`, or fetch it with `dvc pull` where a remote has it"
LABELS = {  # of an image, which say what it was made from
    "requirements": "cogloat.requirements",
    "recipe": "cogloat.recipe",
    "debian": "cogloat.debian",
    "base": "cogloat.base",
    "revision": "org.opencontainers.image.revision",
}
HEADER = "# The image that rules run in, and what it was made from. `make container` writes it.\n"

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Image(Strict):
    """One image."""

    path: str
    sha256: Digest = Field(description="of the image")
    requirements: Digest = Field(description=f"of {REQUIREMENTS}, whose packages it has")
    recipe: Digest = Field(description=f"of {RECIPE}")
    debian: Digest = Field(description="of the names and versions of its Debian packages")
    base: str = Field(description="Debian suite, and where its packages came from")
    revision: str = Field(description="of the project, when it was built")


class ImageLock(Strict):
    """containers/images.lock.yaml."""

    train: Image


def read_lock(path: Path) -> Image:
    """Return the image that rules run in.

    Raises:
        UserError: if the file is missing or not valid.
    """
    return load(ImageLock, path).train


def write_lock(path: Path, image: Image) -> None:
    """Write containers/images.lock.yaml."""
    write_text(path, HEADER + dump_yaml(ImageLock(train=image).model_dump()))


def check_made_from(image: Image, root: Path) -> None:
    """Check that the image's packages and recipe are those of this clone.

    Raises:
        UserError: if one has changed since the image was built.
    """
    for file, digest in {REQUIREMENTS: image.requirements, RECIPE: image.recipe}.items():
        if sha256(root / file) != digest:
            raise UserError(
                f"{image.path} is stale: {file} has changed since it was built. {GET_IT}."
            )


def check_is_locked(image: Image, root: Path, lock: Path) -> None:
    """Check that the image is there, and is the one that the lock names.

    Raises:
        UserError: if it is missing or another one.
    """
    path = root / image.path
    if not path.is_file():
        raise UserError(f"{image.path}: the image that rules run in is missing. {GET_IT}.")
    check_digest(image, sha256(path), lock)


def check_digest(image: Image, found: str, lock: Path) -> None:
    """Check that a SHA-256 is that of the image that the lock names.

    Raises:
        UserError: if it is another image's.
    """
    if found != image.sha256:
        raise UserError(
            f"{image.path} is not the image that {lock} names. {GET_IT}; if it is the one "
            "you want, `make container-lock` writes its name there."
        )


def inspect(path: Path, root: Path) -> Image:
    """Return what an image says of itself, with its SHA-256.

    Args:
        path: the image, from the root.
        root: of the project.

    Raises:
        UserError: if Apptainer is missing, or the file is not an image of this project.
    """
    command = ["apptainer", "inspect", "--json", "--labels", str(path)]
    if not (root / path).is_file():
        raise UserError(f"{path}: no such image. {GET_IT}.")
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        labels = json.loads(done.stdout)["data"]["attributes"]["labels"]
    except FileNotFoundError:
        raise UserError("apptainer is not installed: it reads an image's labels.") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:] or ["apptainer cannot read it"]
        raise UserError(f"{path} is not an image: {reason[0]}. {GET_IT}.") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: apptainer names no labels of it. {GET_IT}.") from None
    try:
        known = {name: labels[label] for name, label in LABELS.items()}
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path} has no label {error}: it was not built from {RECIPE}. {GET_IT}."
        ) from None
    known |= {"path": str(path), "sha256": sha256(root / path)}
    return validate(Image, known, {f"{path}: its labels": known})
