"""model.safetensors: a run's classifier in one file that needs nothing beside it.

Its tensors are those of weights.pt, by the same names. What a classifier is to be read with is in
the file's header: configuration, names of the classes, provenance. The format has no checksum, so
the header has one of all that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from cogloat.config.reading import validate
from cogloat.config.types import Strict
from cogloat.errors import UserError
from cogloat.files import write_atomically
from cogloat.results.provenance import Run
from cogloat.results.reading import Name
from cogloat.runs.effective import RunConfig

KEY = "cogloat"  # in the header: the only one, for several come in any order
LENGTH = 8  # bytes that hold the header's length
GET_IT = "Export the run again, or get the file again."


class Description(Strict):
    """What is said of the tensors.

    Attributes:
        config: of the stage that trained them.
        classes: names, by label.
        provenance: of the run.
    """

    config: RunConfig
    classes: tuple[Name, ...]
    provenance: Run


def write_model(path: Path, description: Description, tensors: Mapping[str, Tensor]) -> None:
    """Write a classifier atomically; equal ones give equal bytes.

    Raises:
        OSError: if the file cannot be written.
    """
    own = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    said = json.loads(description.model_dump_json())
    digest = _digest(said, safetensors.torch.save(own))
    packed = safetensors.torch.save(own, {KEY: json.dumps({"sha256": digest, "of": said})})
    write_atomically(path, lambda file: file.write(packed))


def read_model(path: Path) -> tuple[Description, dict[str, Tensor]]:
    """Return what a file says of its tensors, and these, on the CPU.

    Raises:
        UserError: if the file is missing, damaged, or none that `write_model` has written.
    """
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: the model is missing. {GET_IT}") from None
    try:
        tensors = safetensors.torch.load(packed)
        header = json.loads(packed[LENGTH : _start(packed)])
    except (safetensors.SafetensorError, ValueError):
        raise UserError(f"{path}: truncated, corrupt or no safetensors file. {GET_IT}") from None
    if KEY not in header.get("__metadata__", {}):
        raise UserError(
            f"{path}: its header has no '{KEY}': it is another project's. Give a model.safetensors "
            "that src/export.py has written."
        )
    try:
        sealed: dict[str, Any] = json.loads(header["__metadata__"][KEY])
        intact = sealed["sha256"] == _digest(sealed["of"], packed)
    except (ValueError, KeyError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise UserError(f"{path}: corrupt: it is not what its checksum is of. {GET_IT}")
    return validate(Description, sealed["of"], {str(path): sealed["of"]}), tensors


def _start(packed: bytes) -> int:
    """Return where the tensors begin in a file."""
    return LENGTH + int.from_bytes(packed[:LENGTH], "little")


def _digest(said: Any, packed: bytes) -> str:
    """Return the SHA-256 of what is said of a file's tensors, of their names and of their bytes."""
    start = _start(packed)
    names: dict[str, Any] = json.loads(packed[LENGTH:start])
    names.pop("__metadata__", None)
    digest = hashlib.sha256(json.dumps([said, names], sort_keys=True).encode())
    digest.update(memoryview(packed)[start:])
    return digest.hexdigest()
