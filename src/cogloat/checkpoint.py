"""Weights and resume states on disk: written atomically, loaded without running code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from cogloat.errors import OUT_OF_MEMORY, UserError, lost
from cogloat.files import write_atomically

MAKE_IT = "Delete it and run the step that makes it again."


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
        raise lost(path, f"the {what} is missing. Make it first, or check it.") from None
    with file:
        try:
            _check_archive(file)
            value = torch.load(file, map_location="cpu", weights_only=True)
        except MemoryError:
            raise
        except Exception as error:  # of other bytes, torch.load fails in any way
            if OUT_OF_MEMORY.search(str(error)):
                raise
            raise UserError(
                f"{path}: the {what} is truncated, corrupt or not a checkpoint. {MAKE_IT}"
            ) from None
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise UserError(f"{path}: the {what} is not a checkpoint of this project. {MAKE_IT}")
    return value


def _check_archive(file: BinaryIO) -> None:
    """Compare a checkpoint with the checksums inside it, which torch.load does not do."""
    with zipfile.ZipFile(file) as archive:
        # as torch saves them; what is packed could be larger than memory
        stored = all(own.compress_type == zipfile.ZIP_STORED for own in archive.infolist())
        if not stored or archive.testzip() is not None:
            raise zipfile.BadZipFile
    file.seek(0)


def load_weights(module: nn.Module, path: Path, prefix: str = "") -> None:
    """Load a module's weights, or those under a prefix such as "backbone.".

    Raises:
        UserError: if the file does not hold exactly this module's weights, or one is not finite.
    """
    put_weights(module, load_checkpoint(path, "weights file"), path, prefix)


def put_weights(module: nn.Module, weights: dict[str, Any], path: Path, prefix: str = "") -> None:
    """Give a module weights that were read from a file; as `load_weights` does."""
    own = {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }
    if reason := difference(own, module.state_dict()):
        raise UserError(
            f"{path}: these weights are of another network ({reason}). "
            "Check the configuration they were trained with."
        )
    for name, value in own.items():
        if not value.isfinite().all():
            raise UserError(f"{path}: '{prefix}{name}' has numbers that are not finite. {MAKE_IT}")
    module.load_state_dict(own)


def difference(found: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> str | None:
    """Say in what names, types or shapes some tensors are not those that are wanted, or None."""
    for name in sorted(found.keys() - wanted.keys()):
        return f"'{name}' is not one of its tensors"
    for name, own in wanted.items():
        if name not in found:
            return f"'{name}' is missing"
        value = found[name]
        if not isinstance(value, Tensor) or value.layout != torch.strided:
            return f"'{name}' is no plain tensor"
        if (value.shape, value.dtype) != (own.shape, own.dtype):
            kinds = (f"{list(part.shape)} of {part.dtype}" for part in (value, own))
            return f"'{name}' is {' and not '.join(kinds)}"
    return None
