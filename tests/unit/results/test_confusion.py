import numpy as np
import pandas as pd
import pytest
from artefacts import metrics

from cogloat.errors import UserError
from cogloat.results.confusion import read_confusion, write_confusion

COUNTS = np.array([[8, 2], [6, 14]])
RUN = metrics(per_class=(80.0, 70.0), accuracy=100 * 22 / 30)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "confusion.csv"
    write_confusion(path, RUN.classes, COUNTS)
    return path


def test_counts_are_read_back(written):
    assert read_confusion(written, RUN).tolist() == COUNTS.tolist()


def test_pandas_reads_the_counts_by_the_names_of_the_classes(written):
    table = pd.read_csv(written, index_col=0)
    assert table.loc["dog", "cat"] == 6  # dogs taken for cats


@pytest.mark.parametrize("name", ["a,b", 'a "b"', "true class", " ", "a\\nb"])
def test_any_name_of_a_class_is_read_back(tmp_path, name):
    run = metrics(classes=(name, "dog"), accuracy=RUN.accuracy)
    write_confusion(tmp_path / "confusion.csv", run.classes, COUNTS)
    assert read_confusion(tmp_path / "confusion.csv", run).tolist() == COUNTS.tolist()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("8,2", "8", "not a table of counts"),
        ("8,2", "8,two", "not a table of counts"),
        ("8,2", "8,2.0", "not a table of counts"),
        ("8,2", f"8,{'9' * 30}", "not a table of counts"),
        ("cat,8,2", "", "not a table of counts"),
        ("8,2", '8,"2', "not a table of counts"),
        ("8,2", "8,\0", "not a table of counts"),
        ("cat,8,2\ndog,6,14\n", "", "its classes are not those of the run"),
        ("true class,cat", "true class,bird", "its classes are not those of the run"),
        ("dog,6", "cat,6", "its classes are not those of the run"),
        ("8,2", "8,2,0", "not a table of counts"),
        ("8,2", "2,8", "its counts do not give the accuracies of the run"),
        ("8,2", "80,20", "its counts do not give the accuracies of the run"),
        ("8,2", "0,0", "its counts do not give the accuracies of the run"),
        ("8,2", "-8,-2", "its counts do not give the accuracies of the run"),
    ],
)
def test_what_is_damaged_or_not_of_the_run_is_named(written, old, new, message):
    text = written.read_text()
    assert text.count(old) == 1
    written.write_text(text.replace(old, new))
    with pytest.raises(UserError) as caught:
        read_confusion(written, RUN)
    assert str(caught.value).startswith(f"{written}: {message}")
    assert str(caught.value).endswith("Evaluate the run again.")


def test_bytes_that_are_no_text_are_named(written):
    written.write_bytes(b"\xff")
    with pytest.raises(UserError, match="not a table of counts"):
        read_confusion(written, RUN)
