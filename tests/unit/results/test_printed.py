import pytest
from artefacts import CONFIG

from cogloat.errors import UserError
from cogloat.results.printed import ACCURACY, NUMBERS, read_printed


@pytest.mark.parametrize("name", ["table2", "table4", "table5", "table6"])
def test_the_papers_tables_are_read(name):
    numbers = NUMBERS if name == "table4" else ACCURACY
    printed = read_printed(CONFIG / "paper" / f"{name}.csv", numbers=numbers)
    assert list(printed.columns) == ["method", "dataset", "factor", *numbers]
    assert len(printed) > 5


def test_epoch_of_an_accuracy_is_one_of_three_words(tmp_path):
    path = tmp_path / "table2.csv"
    path.write_text("method,dataset,factor,mean,std,epoch\nkcl,cifar10,100,77,,first\n")
    message = "line 2: epoch: 'first' is not one of best, last, unsaid. Mend the line."
    with pytest.raises(UserError) as caught:
        read_printed(path, numbers=ACCURACY)
    assert str(caught.value) == f"{path}: {message}"


def test_a_table_may_have_further_keys():
    printed = read_printed(
        CONFIG / "paper" / "table1.csv", ["metric", "method", "dataset", "factor"]
    )
    assert set(printed["metric"]) == {"intra", "variance", "inter", "improved_inter"}


def test_without_a_file_there_are_no_numbers():
    assert len(read_printed(None)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no first line with its columns: method, dataset, factor, mean, std"),
        (
            "method,dataset,factor,mean,std\nkcl,cifar10,100,high,\n",
            "line 2: mean: 'high' is not a number",
        ),
        ("method,dataset,mean\n", "line 1: the columns must be method, dataset, factor, mean, std"),
        (
            "method,dataset,factor,mean,std\nkcl,cifar10,100,77,\nkcl,cifar10,100,78,\n",
            "line 3: kcl on cifar10 IF 100 is there twice",
        ),
    ],
)
def test_damaged_table_is_named(tmp_path, text, message):
    path = tmp_path / "table2.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_printed(path)
    assert str(caught.value).startswith(f"{path}: {message}")
