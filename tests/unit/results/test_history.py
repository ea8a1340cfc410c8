import pytest

from cogloat.errors import UserError
from cogloat.results.history import read_history, write_history

ROWS = [
    {"epoch": 1, "lr": 0.1, "loss": 0.1 + 0.2, "test_accuracy": None},
    {"epoch": 2, "lr": 0.05, "loss": 1e-7, "test_accuracy": 50.5},
]


def test_what_was_written_is_read_back_in_full_precision(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    assert read_history(tmp_path / "history.csv", "loss") == {1: 0.1 + 0.2, 2: 1e-7}


def test_epochs_that_were_not_measured_are_left_out(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    assert read_history(tmp_path / "history.csv", "test_accuracy") == {2: 50.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not measured in any epoch"),
        ("epoch,lr\n1,0.1\n", "not the history of a stage that measures it"),
        ("epoch,loss\n1,x\n", "not the history"),
        ("epoch,loss\n1,0.5\n1,0.5\n", "not the history"),
        ("epoch,loss\n2,0.5\n", "not the history"),
        ("lr,epoch,loss\n0.1\n", "not the history"),
        ("epoch,loss\n1,0.5,7\n", "not the history"),
        ("epoch,loss\n1,nan\n", "nan in epoch 1"),
        ("epoch,loss\n1,\n", "not measured in any epoch"),
        (b"\xff\xfe\x00", "not the history"),
    ],
)
def test_what_is_no_history_is_named(tmp_path, text, message):
    path = tmp_path / "history.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as caught:
        read_history(path, "loss")
    assert str(caught.value).startswith(f"{path}: loss: {message}")
