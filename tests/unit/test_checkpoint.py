import subprocess
import sys
import tempfile
from pathlib import Path

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
