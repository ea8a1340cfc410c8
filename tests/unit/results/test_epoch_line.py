"""What a log says of an epoch is read as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogloat.results.epoch_line import EpochLine, duration

WORD = st.from_regex(r"[a-z_]+", fullmatch=True)
NUMBER = st.floats(-1e6, 1e6).map(lambda value: f"{value:.4g}")
NAME = st.from_regex(r"[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*", fullmatch=True)


@pytest.mark.slow
@given(
    name=NAME,
    epochs=st.tuples(st.integers(1, 9999), st.integers(1, 9999)).map(sorted),
    values=st.dictionaries(WORD, NUMBER, min_size=1),
    rate=st.integers(0, 10**6),
    left=st.integers(0, 10**7),
)
def test_line_is_read_as_it_was_written(name, epochs, values, rate, left):
    line = EpochLine(name, *epochs, values, rate, left)
    assert EpochLine.read(str(line)) == line


@pytest.mark.parametrize(
    "text",
    ["", "error: the disk is full", "a/b epoch 1/2", "a/b epoch 1/2 lr 0.1 loss 2 5 images/s"],
)
def test_other_lines_are_not(text):
    assert EpochLine.read(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min")),
        *((12345, "3 h 25 min"), (86400, "1 d 0 h"), (200000, "2 d 7 h")),
    ],
)
def test_duration_is_in_its_two_largest_units(seconds, text):
    assert duration(seconds) == text
