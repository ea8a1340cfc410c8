"""Curves for TensorBoard are those that a training logged and left, each epoch once."""

import pytest
from artefacts import command_line
from scripts import REPO
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cogloat.boards import Board
from cogloat.errors import UserError
from cogloat.files import write_text
from cogloat.results.epoch_line import EpochLine
from cogloat.results.history import write_history
from log_curves import main

NAME = "digits/if100/ce/seed0/train"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "results").mkdir()
    return tmp_path


def said(root, *epochs):
    lines = [
        EpochLine(NAME, epoch, 9, {"lr": "0.1", "loss": f"{1 / epoch:.4g}"}, 500, 60)
        for epoch in epochs
    ]
    text = "".join(f"{line}\n" for line in lines)
    write_text(root / "logs" / f"{NAME}.log", f"a library warns\n{text}")


def left(root, epochs):
    rows = [
        {"epoch": epoch, "loss": 1 / epoch, "test_accuracy": 50.0 if epoch == epochs else None}
        for epoch in range(1, epochs + 1)
    ]
    write_history(root / "results/runs" / NAME / "history.csv", rows)


def update(board, root):
    return board.update([NAME], root / "logs", root / "results")


def shown(root, tag):
    events = EventAccumulator(str(root / "board" / NAME))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(tag)}


def test_epochs_of_a_log_are_shown_as_they_come(root):
    board = Board(root / "board")
    assert update(board, root) == 0
    assert not (root / "board").exists()
    said(root, 1, 2)
    assert update(board, root) == 2
    assert update(board, root) == 0
    said(root, 1, 2, 3)
    assert update(board, root) == 1
    assert shown(root, "loss") == pytest.approx({1: 1.0, 2: 0.5, 3: 1 / 3}, rel=1e-3)
    assert shown(root, "images/s") == {1: 500, 2: 500, 3: 500}


def test_history_is_shown_where_the_training_is_over_with_what_was_measured(root):
    said(root, 4, 5)  # it went on there
    left(root, 5)
    assert update(Board(root / "board"), root) == 5
    assert shown(root, "loss")[3] == pytest.approx(1 / 3)
    assert shown(root, "test_accuracy") == {5: 50.0}


def test_another_process_shows_no_epoch_twice(root):
    said(root, 1, 2)
    update(Board(root / "board"), root)
    left(root, 3)
    update(Board(root / "board"), root)
    assert list(shown(root, "loss")) == [1, 2, 3]
    files = [*(root / "board" / NAME).iterdir()]
    assert len(files) == 1


def arguments(root, collection):
    folders = {"logs": root / "logs", "results": root / "results", "output": root / "board"}
    return command_line(config=REPO / "config", collection=collection, **folders)


def test_script_shows_the_trainings_of_a_collection(root, capsys):
    left(root, 3)
    main(arguments(root, "demo"))
    assert capsys.readouterr().err == f"demo: epochs written to {root / 'board'}: 3\n"
    assert [path.parent for path in (root / "board").rglob("events*")] == [root / "board" / NAME]


def test_unknown_collection_is_named_with_the_nearest(root):
    with pytest.raises(UserError, match="'dmo' is unknown"):
        main(arguments(root, "dmo"))
