"""The accuracy of each class, beside its name and how often it was seen."""

import math
import statistics

import pytest
from artefacts import metrics

from cogloat.errors import UserError
from cogloat.reporting.classes import class_table


def test_line_is_a_class_with_its_name_its_images_and_its_mean_over_seeds():
    runs = [
        metrics(seed=seed, per_class=(80.0, accuracy))
        for seed, accuracy in ((1, 60.0), (0, 70.0), (2, 65.0))
    ]
    table = class_table(runs, 0.95)
    assert list(table.columns) == [
        *("method", "dataset", "factor", "label", "class", "train_images"),
        *("seeds", "values", "mean", "std", "interval"),
    ]
    cat, dog = table.to_dict("records")
    assert (cat["label"], cat["class"], cat["train_images"]) == (0, "cat", 500)
    assert (cat["mean"], cat["std"]) == (80, 0)
    assert (dog["label"], dog["class"], dog["train_images"]) == (1, "dog", 50)
    assert (dog["seeds"], dog["values"]) == ("0 1 2", "70.0 60.0 65.0")
    assert (dog["mean"], dog["std"]) == (65, statistics.stdev([60, 65, 70]))


def test_one_seed_has_no_deviation():
    assert all(math.isnan(std) for std in class_table([metrics()], 0.95)["std"])


def test_methods_stand_in_the_order_they_come_in():
    table = class_table([metrics(), metrics(method="ce")], 0.95)
    assert list(table["method"]) == ["kcl", "kcl", "ce", "ce"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"method": "ce"}])
def test_other_names_of_the_same_classes_are_refused(change):
    with pytest.raises(
        UserError, match=r"cifar10 IF 100: the runs have other names of the classes"
    ):
        class_table([metrics(), metrics(classes=("dog", "cat"), **change)], 0.95)
