import math
import statistics

import pytest
from artefacts import metrics

from cogloat.errors import UserError
from cogloat.reporting.seeds import by_cell, in_order, over_seeds


def test_mean_sample_deviation_and_interval_are_of_the_seeds():
    values = {0: 77.0, 1: 78.5, 2: 76.1}
    found = over_seeds(values, 0.95)
    deviation = statistics.stdev(values.values())
    assert found["mean"] == pytest.approx(statistics.mean(values.values()))
    assert found["std"] == pytest.approx(deviation)
    # Student's t with 2 degrees of freedom: 4.303
    assert found["interval"] == pytest.approx(4.303 * deviation / math.sqrt(3), rel=1e-3)


def test_values_stand_in_the_order_of_the_seeds_in_full_precision():
    found = over_seeds({10: 1 / 3, 2: 0.1 + 0.2}, 0.95)
    assert (found["seeds"], found["values"]) == ("2 10", f"{0.1 + 0.2!r} {1 / 3!r}")


def test_seeds_that_hardly_differ_are_not_equal_and_equal_ones_do_not_differ():
    assert 0 < over_seeds({0: 77.0, 1: 77.0 + 1e-9}, 0.95)["std"] < 1e-8
    assert over_seeds({0: 0.1, 1: 0.1, 2: 0.1}, 0.95)["std"] == 0


def test_one_seed_has_neither_deviation_nor_interval():
    found = over_seeds({4: 77.0}, 0.95)
    assert (found["mean"], found["values"]) == (77, "77.0")
    assert math.isnan(found["std"])
    assert math.isnan(found["interval"])


def test_rounds_are_sorted_as_numbers():
    assert in_order({10: 1.0, 9: 2.0}) == ("9 10", "2.0 1.0")


def test_runs_are_grouped_in_the_order_they_come_in():
    order = [("ce", 1), ("kcl", 0), ("ce", 0)]
    cells = by_cell([metrics(method=method, seed=seed) for method, seed in order])
    found = {cell: list(seeds) for cell, seeds in cells.items()}
    assert found == {("ce", "cifar10", 100): [1, 0], ("kcl", "cifar10", 100): [0]}


def test_run_given_twice_is_refused_and_not_counted_as_two_seeds():
    with pytest.raises(UserError, match="kcl on cifar10 IF 100: seed 0 is there twice"):
        by_cell([metrics(), metrics(seed=1), metrics()])


def test_runs_of_different_subsets_are_refused():
    other = metrics(method="ce", seed=1, split_sha256="b" * 64)
    with pytest.raises(UserError, match="cifar10 IF 100: the runs are of different subsets"):
        by_cell([metrics(), other])


def test_another_factor_has_another_subset():
    by_cell([metrics(), metrics(factor=50, split_sha256="b" * 64)])
