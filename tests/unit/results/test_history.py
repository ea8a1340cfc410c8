import pytest

from cogloat.errors import UserError
from cogloat.results.history import read_history, write_history

ROWS = [
    {"epoch": 1, "lr": 0.1, "loss": 0.1 + 0.2, "test_accuracy": None},
    {"epoch": 2, "lr": 0.05, "loss": 1e-7, "test_accuracy": 50.5},
]


def test_what_was_written_is_read_back_in_full_precision(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    assert read_history(tmp_path / "history.csv", "loss", 2) == {1: 0.1 + 0.2, 2: 1e-7}


def test_epochs_that_were_not_measured_are_left_out(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    assert read_history(tmp_path / "history.csv", "test_accuracy", 2) == {2: 50.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no first line with its columns: epoch."),
        ("lr,loss\n0.1,1\n", "line 1: there is no column 'epoch'."),
        ("epoch,lr,lr\n1,0.1,1\n", "line 1: the column 'lr' is there twice."),
        ("epoch,lr\n1,0.1\n", "loss: not measured in any epoch."),
        ("epoch,loss\n1,\n", "loss: not measured in any epoch."),
        ("epoch,loss\n1,x\n", "line 2: loss: 'x' is not a number."),
        ("epoch,loss\n1,nan\n", "line 2: loss: 'nan' is not a number."),
        ("epoch,loss\n1,1e999\n", "line 2: loss: '1e999' is too large a number."),
        ("epoch,loss\n1,0.5\n1,0.5\n", "line 3: epoch: it is 1, not 2."),
        ("epoch,loss\n2,0.5\n", "line 2: epoch: it is 2, not 1."),
        ("epoch,loss\n1.0,0.5\n", "line 2: epoch: '1.0' is not a whole number."),
        ("epoch,loss\n1,0.5\n2,0.5\n", "has 2 of the stage's 1 epochs."),
        ("epoch,loss\n", "has 0 of the stage's 1 epochs."),
        ("epoch,lr,loss\n1,0.5\n", "line 2: it has 2 cells, the header has 3."),
        ("epoch,loss\n1,0.5,7\n", "line 2: it has 3 cells, the header has 2."),
        ("epoch,loss\n\n1,0.5\n", "line 2: it is blank."),
        ("epoch,loss\n1,0.5", "line 2: the file ends within the line."),
        ("epoch,loss,test_accuracy\n1,0.5,250\n", "line 2: test_accuracy: '250' is not at least 0"),
        ("epoch,loss,train_accuracy\n1,1,-1e-9\n", "line 2: train_accuracy: '-1e-9' is not at le"),
    ],
)
def test_what_is_no_history_is_named_by_its_line(tmp_path, text, message):
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_history(path, "loss", 1)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert str(caught.value).endswith("Run the stage again.")
