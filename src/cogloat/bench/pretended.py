"""A device that is not there: it says when a GPU would make the host wait.

Its tensors are kept in the host's memory and computed with there, so that all values are real; but
they are of a device of their own, as a GPU's are, and every operation on them passes through here.
A GPU works through a queue that the host fills: the host waits where it needs a value, or a size
that depends on values, and where it copies without `non_blocking`. By the rules of CUDA in PyTorch,
checked operation by operation in the tests.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "pretended"
PLENTY = 2**40  # bytes of its memory
# the host needs a value of theirs, or the size of what they return
READ = {
    "_local_scalar_dense",
    "_unique2",
    "bincount",
    "equal",
    "masked_select",
    "multinomial",
    "nonzero",
    "unique_consecutive",
    "unique_dim",
}
COPIES = {"_to_copy", "copy_"}
FREE = {"_unsafe_view", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}
PLACED = {"index", "index_put", "index_put_", "_index_put_impl_"}  # by masks, which are counted
MASKS = (torch.bool, torch.uint8)


class Pretended(Tensor):
    """A tensor of the device.

    Attributes:
        held: its values, on the host.
    """

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Pretended:
        """Return the tensor of some values."""
        made = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def tolist(self) -> Any:
        """Return the values; PyTorch has no such method for tensors of this kind."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Refuse what is done outside the device's context.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"{func} outside `with Device()`")


class Device(TorchDispatchMode):
    """The context in which the device exists.

    Attributes:
        moved: the copies between it and the host, for which the host waits or not.
        waits: the operations at which a GPU would have made the host wait, in their order.
        work: the operations that a GPU would have been given: neither views nor empty memory.
    """

    def __init__(self) -> None:
        super().__init__()
        _register()
        self.device = torch.device(NAME, 0)
        self.waits: list[str] = []
        self.moved: list[str] = []
        self.work: list[str] = []
        self._entered = contextlib.ExitStack()

    def __enter__(self) -> Device:
        """Let the device exist."""
        self._entered.enter_context(_constants_seen())
        # asked for before images are put on a GPU
        memory = mock.patch.object(torch.cuda, "mem_get_info", return_value=(PLENTY, PLENTY))
        self._entered.enter_context(memory)
        # else the threads of an autograd that has begun would have to know the device
        self._entered.enter_context(torch.autograd.set_multithreading_enabled(False))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Let it exist no longer."""
        super().__exit__(*error)
        self._entered.close()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute on the host, and note where a GPU's host would wait."""
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        own = [tensor for tensor in given if isinstance(tensor, Pretended)]
        name = func.overloadpacket.__name__
        on_device = bool(own)
        if (wanted := kwargs.get("device")) is not None:
            on_device = torch.device(wanted).type == NAME
            kwargs = kwargs | {"device": "cpu"}
        if _waits(name, args, kwargs, given, on_device=on_device):
            self.waits.append(name)
        if name in COPIES and _moves(name, own, given, on_device=on_device):
            self.moved.append(name)
        known = {id(tensor.held): tensor for tensor in own}  # what is changed in place stays itself
        args, kwargs = tree_map(_held, (args, kwargs))
        out = func(*args, **kwargs)
        if not on_device:
            return out
        if not func.is_view and name not in FREE:
            self.work.append(name)

        def moved(leaf: Any) -> Any:
            if id(leaf) in known:
                return known[id(leaf)]
            return Pretended(leaf) if isinstance(leaf, Tensor) else leaf

        return tree_map(moved, out)


def _waits(name: str, args: Any, kwargs: Any, given: list[Tensor], *, on_device: bool) -> bool:
    """Say whether an operation makes the host of a GPU wait.

    Raises:
        RuntimeError: if it mixes devices as a GPU does not.
    """
    own = [tensor for tensor in given if isinstance(tensor, Pretended)]
    others = [tensor for tensor in given if not isinstance(tensor, Pretended)]
    if name in COPIES:
        told = args[2:] if name == "copy_" else ()
        moved = _moves(name, own, given, on_device=on_device)
        return moved and not (kwargs.get("non_blocking") or any(told))
    if not own:
        return False
    if name in PLACED and isinstance(args[0], Pretended):
        indices = [index for index in args[1] if index is not None]
        return any(index.dtype in MASKS or not isinstance(index, Pretended) for index in indices)
    for tensor in others:
        if tensor.dim() > 0:
            shape = tuple(tensor.shape)
            raise RuntimeError(f"{name}: a tensor {shape} is on the host, others on the device")
    if name == "repeat_interleave":
        return kwargs.get("output_size") is None
    return name in READ


def _moves(name: str, own: list[Any], given: list[Tensor], *, on_device: bool) -> bool:
    """Say whether a copy is between the host and the device."""
    from_host = len(given) > len(own)
    return from_host == on_device if name == "_to_copy" else bool(own) and from_host


def _held(leaf: Any) -> Any:
    if isinstance(leaf, Pretended):
        return leaf.held
    return leaf


@contextlib.contextmanager
def _constants_seen() -> Iterator[None]:
    """Let `torch.tensor(..., device=...)` show its copy to the device, which it hides otherwise."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


@cache
def _register() -> None:
    """Make the device's name known to PyTorch; once a process."""
    _setup_privateuseone_for_python_backend(NAME, _Backend())
