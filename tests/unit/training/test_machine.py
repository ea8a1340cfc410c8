"""What is recorded of a machine."""

import pytest
import torch

from cogloat.training.machine import Machine


def test_a_process_is_described_again_though_the_libraries_files_are_gone(
    monkeypatch: pytest.MonkeyPatch,
):
    """As when a container is told to stop: its files go before the run has saved."""
    machine = Machine(torch.device("cpu"), 1, "float32")
    first = machine.process()

    def gone(name: str) -> str:
        raise OSError(107, "Transport endpoint is not connected", name)

    monkeypatch.setattr("cogloat.training.machine.version", gone)
    assert machine.process().versions == first.versions
    assert set(first.versions) == {"python", "torch", "torchvision", "numpy", "libc"}
