import csv
from pathlib import Path

import pandas as pd
import pytest

from cogloat.results.predictions import Prediction, write_predictions


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_row_has_the_file_its_class_and_every_probability(tmp_path):
    path = tmp_path / "predictions.csv"
    one = Prediction(Path("a/b, c.png"), 1, [1 / 3, 2 / 3])
    write_predictions(path, ["cat", "a,dog"], iter([one]))
    assert rows(path) == [
        ["file", "class", "probability", "cat", "a,dog"],
        ["a/b, c.png", "a,dog", "0.666667", "0.333333", "0.666667"],
    ]


def test_small_probabilities_are_not_rounded_to_none(tmp_path):
    path = tmp_path / "predictions.csv"
    write_predictions(path, ["a", "b"], [Prediction(Path("x"), 0, [1.0, 1.23456789e-12])])
    assert pd.read_csv(path).loc[0, "b"] == 1.23457e-12


def test_name_that_is_no_text_is_escaped(tmp_path):
    path = tmp_path / "predictions.csv"
    write_predictions(path, ["a"], [Prediction(Path("two\nlines\udcff.png"), 0, [1.0])])
    assert rows(path)[1][0] == "two\\nlines\\udcff.png"


@pytest.mark.parametrize(
    ("classes", "columns"),
    [
        (["file", "cat"], ["file (class)", "cat"]),
        (["class", "class (class)"], ["class (class) (class)", "class (class)"]),
    ],
)
def test_class_called_as_another_column_has_a_column_of_its_own(tmp_path, classes, columns):
    path = tmp_path / "predictions.csv"
    write_predictions(path, classes, [Prediction(Path("x"), 0, [1.0, 0.0])])
    header, row = rows(path)
    assert header[3:] == columns
    assert len(set(header)) == len(header)
    assert row[1] == classes[0]


def test_nothing_is_left_and_the_old_table_stays_where_predictions_end_in_an_error(tmp_path):
    def broken():
        yield Prediction(Path("x"), 0, [1.0])
        raise RuntimeError

    path = tmp_path / "predictions.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        write_predictions(path, ["a"], broken())
    assert [file.name for file in tmp_path.iterdir()] == ["predictions.csv"]
    assert path.read_text() == "old"
