"""What only GPUs can show of a step that they share. Skipped where there are fewer than two."""

import pytest
import torch
from ranked import SHARED, spawned

SIZES = [size for size in (1, 2, 4) if size <= torch.cuda.device_count()]
pytestmark = pytest.mark.skipif(len(SIZES) < 2, reason="there are no two GPUs")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    return spawned(tmp_path_factory.mktemp("ranks"), SIZES, "float64", "cuda")


@pytest.mark.parametrize("case", SHARED)
def test_any_number_of_gpus_computes_what_one_does(case, left):
    """By NCCL, every rank with the same bits."""
    for size in SIZES:
        for own in left[size]:
            torch.testing.assert_close(own[case], left[size][0][case], rtol=0, atol=0)
            torch.testing.assert_close(own[case], left[1][0][case], rtol=1e-9, atol=1e-9)
