"""What ranks share is what one process has: parts, means, and every method's steps."""

from typing import Any

import pytest
import torch
from formulas import unit
from hypothesis import given
from hypothesis import strategies as st
from ranked import GROUPS, SHARED, spawned

from cogloat.methods.bcl.loss import bcl_loss
from cogloat.ranks import ALONE, Part, Ranks

SIZES = [1, 2, 4]


@given(st.integers(0, 300), st.sampled_from([1, 2, 4, 8]), st.integers(1, 4))
def test_parts_follow_each_other_and_have_whole_groups(rows, size, each):
    groups = size * each
    cut = torch.arange(rows).tensor_split(groups)
    for rank in range(size):
        part = Ranks(rank, size).part(rows, groups)
        own = torch.cat(cut[rank * each : (rank + 1) * each])
        assert torch.equal(part.of(torch.arange(rows)), own)
        assert (part.size, part.whole) == (len(own), rows)


def test_shares_of_means_add_up_to_the_mean_of_all():
    values = torch.rand(13, dtype=torch.float64)
    ranks = [Ranks(rank, 2) for rank in range(2)]
    parts = [rank.part(13, 4) for rank in ranks]
    assert [part.size for part in parts] == [7, 6]
    shares = [
        rank.share({"a": part.of(values).mean()}, part)["a"]
        for rank, part in zip(ranks, parts, strict=True)
    ]
    torch.testing.assert_close(sum(shares), values.mean())
    torch.testing.assert_close(sum(part.mean(part.of(values)) for part in parts), values.mean())
    assert ALONE.share({"a": values}, ALONE.part(13)) == {"a": values}


def test_ranks_without_an_anchor_add_nothing_to_bcls_loss():
    embeddings, centres = unit(10, 4, seed=0), unit(3, 4, seed=1)
    labels = torch.tensor([0, 1, 2, 1, 0] * 2)
    whole = bcl_loss(embeddings, labels, centres, 0.1)
    parts = [Part(start, stop, 10) for start, stop in ((0, 0), (0, 3), (3, 10))]
    shares = [bcl_loss(embeddings, labels, centres, 0.1, part) for part in parts]
    assert shares[0] == 0
    torch.testing.assert_close(sum(shares), whole, rtol=1e-12, atol=0)


@pytest.fixture(scope="module")
def in_double(tmp_path_factory) -> dict[int, list[dict[str, Any]]]:
    return spawned(tmp_path_factory.mktemp("ranks"), SIZES, "float64")


@pytest.fixture(scope="module")
def in_single(tmp_path_factory) -> dict[int, list[dict[str, Any]]]:
    return spawned(tmp_path_factory.mktemp("ranks"), [1, 2], "float32")


@pytest.mark.long
@pytest.mark.parametrize("case", SHARED)
def test_any_number_of_ranks_computes_what_one_does(case, in_double):
    """Logged means, gradients, weights, momenta, queue, running statistics, test accuracy."""
    for size in SIZES:
        for own in in_double[size]:
            torch.testing.assert_close(
                own[case], in_double[1][0][case], rtol=1e-10, atol=1e-10, msg=f"{size}: {case}"
            )


@pytest.mark.long
@pytest.mark.parametrize("case", SHARED)
def test_all_ranks_have_the_same_bits(case, in_double):
    for size in SIZES:
        first, *others = in_double[size]
        for own in others:
            torch.testing.assert_close(own[case], first[case], rtol=0, atol=0)


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in SHARED if case != "paco"])
def test_in_float32_they_differ_by_rounding(case, in_single):
    """PaCo's head has batch norm over the four rows of a group, which blows rounding up."""
    own, one = (in_single[size][0][case] for size in (2, 1))
    torch.testing.assert_close(own, one, rtol=1e-5, atol=1e-5)


def test_the_cases_are_of_more_groups_than_ranks():
    assert max(SIZES) == GROUPS
    assert {"kcl", "cogloat_proco", "tsc", "paco", "bcl", "ldam_drw"} <= set(SHARED)
