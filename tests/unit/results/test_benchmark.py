import math

import pytest

from cogloat.errors import UserError
from cogloat.results.benchmark import read_benchmark

HEAD = "s\th:m:s\tmax_rss\tmax_vms\n"


def test_the_last_run_of_a_job_is_read(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text(HEAD + "9.0\t0:00:09\t1.0\t1.0\n12.5\t0:00:12\t640.25\t7.0\n")
    assert read_benchmark(path) == (12.5, 640.25)


def test_what_was_not_measured_is_nan(tmp_path):
    path = tmp_path / "train.tsv"
    assert all(map(math.isnan, read_benchmark(path)))
    path.write_text(HEAD + "0.4\t0:00:00\tNA\tNA\n")
    seconds, memory = read_benchmark(path)
    assert seconds == 0.4
    assert math.isnan(memory)


@pytest.mark.parametrize("text", ["", HEAD, "a,b\n1,2\n", HEAD + "soon\t0\t1\t1\n"])
def test_another_file_is_named(tmp_path, text):
    path = tmp_path / "train.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"train\.tsv: is no benchmark"):
        read_benchmark(path)
