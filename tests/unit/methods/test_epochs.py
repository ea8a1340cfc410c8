"""Shares of the epochs against exact fractions, over every number of epochs there may be."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from miniature import CONFIG

from cogloat.methods.epochs import whole_epochs
from cogloat.runs.load import load_coreset, load_dataset

SHARES = ["0", "0.0004", "0.001", "0.0125", "0.025", "0.04", "0.1", "0.125", "0.5", "0.7"]
SHARES += ["0.75", "0.8", "0.8025", "0.9", "0.9025", "0.95", "0.9995", "1"]


def half_up(share: str, epochs: int) -> int:
    """Round the product of the number as it is written, exactly."""
    whole = math.floor(Fraction(share) * epochs + Fraction(1, 2))
    return max(whole, 1) if Fraction(share) > 0 else 0


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_a_share_is_rounded_half_up_and_is_at_least_one_epoch(share):
    for epochs in range(1, 2001):
        assert whole_epochs(float(share), epochs) == half_up(share, epochs), epochs


@pytest.mark.parametrize(
    ("share", "epochs", "whole"),
    [
        (0.025, 20, 1),  # GLISTER's proxy: not a half to even, which would be none
        (0.025, 10, 1),  # a quarter of an epoch is still a warm-up
        (0.025, 60, 2),
        (0.025, 100, 3),
        (0.5, 5, 3),
        (0.15, 10, 2),  # as it is written; as a double it is below a half
        (0.0, 2000, 0),
        (1.0, 2000, 2000),
    ],
)
def test_cases_that_other_roundings_get_wrong(share, epochs, whole):
    assert whole_epochs(share, epochs) == whole


def test_glisters_proxy_has_a_warm_up():
    proxy = load_coreset(CONFIG, "glister").proxy
    epochs = load_dataset(CONFIG, "cifar10").overrides.get("proxy", {}).get("epochs", proxy.epochs)
    assert (proxy.schedule.warmup, epochs) == (0.025, 20)
    assert whole_epochs(proxy.schedule.warmup, epochs) == 1


@given(share=st.floats(0, 1), one=st.integers(1, 2000), two=st.integers(1, 2000))
def test_more_epochs_never_make_a_share_shorter_nor_longer_than_all(share, one, two):
    fewer, more = sorted((one, two))
    assert whole_epochs(share, fewer) <= whole_epochs(share, more) <= more


@given(parts=st.integers(1, 12), epochs=st.integers(1, 2000))
def test_equal_parts_differ_by_one_epoch_at_most(parts, epochs):
    bounds = [whole_epochs(n / parts, epochs) for n in range(parts + 1)]
    assert (bounds[0], bounds[-1]) == (0, epochs)
    lengths = [end - start for start, end in pairwise(bounds)]
    if epochs >= parts:
        assert max(lengths) - min(lengths) <= 1
