import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import flip
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cogloat.checkpoint import load_checkpoint, load_weights, save_checkpoint
from cogloat.errors import UserError


def test_equal_values_give_equal_bytes_under_any_name(tmp_path):
    for name in ("one.pt", "another.pt"):
        save_checkpoint(tmp_path / name, {"weight": torch.arange(5.0)})
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 10, 0.5, 0.99])
def test_truncated_checkpoint_is_named_with_the_fix(tmp_path, kept):
    path = tmp_path / "weights.pt"
    save_checkpoint(path, {"weight": torch.arange(1000.0)})
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(UserError, match=r"weights\.pt: the weights file is truncated.*Delete it"):
        load_checkpoint(path, "weights file")


def test_flipped_bit_of_a_weight_is_named(tmp_path):
    path = tmp_path / "weights.pt"
    save_checkpoint(path, {"weight": torch.arange(1000.0)})
    flip(path)
    with pytest.raises(UserError, match=r"weights\.pt: the weights file is .*corrupt.*Delete it"):
        load_checkpoint(path, "weights file")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content=st.binary(max_size=30))
def test_no_bytes_give_a_traceback(content):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        with pytest.raises(UserError, match="not a checkpoint"):
            load_checkpoint(Path(file.name), "weights file")


@pytest.mark.slow
def test_checkpoint_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    script = "import sys, torch, os; torch.save({'x': os.system}, sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, path], check=True)
    with pytest.raises(UserError, match="not a checkpoint"):
        load_checkpoint(path, "weights file")


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(UserError, match="the weights file is missing"):
        load_checkpoint(tmp_path / "none.pt", "weights file")


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    save_checkpoint(path, nn.Linear(3, 4).state_dict())
    with pytest.raises(UserError, match=r"weights\.pt: these weights are of another network"):
        load_weights(nn.Linear(3, 5), path)


def test_weights_under_a_prefix_are_loaded(tmp_path):
    path = tmp_path / "weights.pt"
    source, target = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), nn.Linear(4, 2)
    save_checkpoint(path, source.state_dict())
    load_weights(target, path, prefix="1.")
    assert torch.equal(target.weight, source[1].weight)


def packed(path):
    """Pack the members of a checkpoint, which torch leaves as they are."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def document(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")


@pytest.mark.parametrize("write", [packed, document, lambda path: np.savez(path.open("wb"), a=1)])
def test_archive_that_torch_did_not_write_is_refused(tmp_path, write):
    path = tmp_path / "weights.pt"
    save_checkpoint(path, {"weight": torch.zeros(1000)})
    write(path)
    with pytest.raises(
        UserError, match=r"weights\.pt: the weights file is .*not a checkpoint.*Del"
    ):
        load_checkpoint(path, "weights file")


@pytest.mark.parametrize(
    "value", [[torch.zeros(3)], torch.zeros(3), "text", {1: torch.zeros(3)}, {("a",): 1}, None]
)
def test_checkpoint_of_something_else_is_refused(tmp_path, value):
    path = tmp_path / "weights.pt"
    torch.save(value, path)
    with pytest.raises(UserError, match="not a checkpoint of this project"):
        load_checkpoint(path, "weights file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": None}, "another network ('weight' is no plain tensor)"),
        ({"weight": [[1.0] * 3] * 4}, "another network ('weight' is no plain tensor)"),
        ({"weight": torch.zeros(4, 3).to_sparse()}, "another network ('weight' is no plain tensor"),
        ({"weight": torch.zeros(4, 2)}, "another network ('weight' is [4, 2] of torch.float32 and"),
        ({"weight": torch.zeros(4, 3).double()}, "'weight' is [4, 3] of torch.float64 and not"),
        ({"weight": torch.zeros(4, 3, dtype=torch.int64)}, "'weight' is [4, 3] of torch.int64"),
        ({"weight": torch.full((4, 3), torch.nan)}, "'weight' has numbers that are not finite"),
        ({"bias": torch.tensor([0, 0, torch.inf, 0])}, "'bias' has numbers that are not finite"),
        ({"slope": torch.zeros(4)}, "another network ('slope' is not one of its tensors)"),
    ],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
def test_weights_that_are_none_of_the_network_are_named(tmp_path, change, words):
    path, network = tmp_path / "weights.pt", nn.Linear(3, 4)
    save_checkpoint(path, OrderedDict(network.state_dict()) | change)
    with pytest.raises(UserError) as told:
        load_weights(network, path)
    assert str(told.value).startswith(f"{path}: ")
    assert words in str(told.value)


def test_weight_that_is_missing_is_named(tmp_path):
    path = tmp_path / "weights.pt"
    save_checkpoint(path, {"weight": torch.zeros(4, 3)})
    with pytest.raises(UserError, match=r"another network \('bias' is missing\)"):
        load_weights(nn.Linear(3, 4), path)
