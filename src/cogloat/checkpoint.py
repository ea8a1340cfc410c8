"""Weights and resume states on disk: written atomically, loaded without running code."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from cogloat.errors import UserError
from cogloat.files import write_atomically

# what torch.load raises on bytes that are not a checkpoint
DAMAGE = (
    *(OSError, RuntimeError, EOFError, ValueError, LookupError),
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile),
)


def save_checkpoint(path: Path, value: dict[str, Any]) -> None:
    """Write tensors and plain values atomically; equal values give equal bytes.

    Raises:
        OSError: if the file cannot be written.
    """
    packed = io.BytesIO()  # on a full disk torch.save ends in an error of its zip writer
    torch.save(value, packed)
    write_atomically(path, lambda file: file.write(packed.getbuffer()))


def load_checkpoint(path: Path, what: str) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, onto the CPU.

    Args:
        path: the file.
        what: what the file is for, for the message ("resume state", "weights", ...).

    Raises:
        UserError: if the file is missing, damaged or not a checkpoint.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UserError(f"{path}: the {what} is missing. Make it first, or check it.") from None
    with file:
        try:
            _check_sums(file)
            value = torch.load(file, map_location="cpu", weights_only=True)
        except DAMAGE:
            raise UserError(
                f"{path}: the {what} is truncated, corrupt or not a checkpoint. "
                "Delete it and run the step that makes it again."
            ) from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: the {what} is not a checkpoint of this project. Delete it.")
    return value


def _check_sums(file: BinaryIO) -> None:
    """Compare a checkpoint with the checksums inside it, which torch.load does not do."""
    with zipfile.ZipFile(file) as archive:
        if archive.testzip() is not None:
            raise zipfile.BadZipFile
    file.seek(0)


def load_weights(module: nn.Module, path: Path, prefix: str = "") -> None:
    """Load a module's weights, or those under a prefix such as "backbone.".

    Raises:
        UserError: if the file does not hold exactly this module's weights.
    """
    weights = load_checkpoint(path, "weights file")
    own = {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }
    try:
        module.load_state_dict(own)
    except (RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(
            f"{path}: these weights are of another network ({reason}). "
            "Check the configuration they were trained with."
        ) from None
