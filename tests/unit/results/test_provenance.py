import shutil

import pytest
from artefacts import effective, process, stage_of, store_and_split
from scripts import run

from cogloat.data.store import MANIFEST
from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.results.provenance import (
    Evaluation,
    Run,
    Stage,
    check_beside,
    identity,
    total_seconds,
)

STAGE = Stage(
    stage="train",
    epochs=3,
    augmentations=("tilt",),
    identity={"code": "a"},
    outputs={"weights.pt": "b"},
    processes=(process(seconds=0.1), process(seconds=0.2, precision="bfloat16", image="c" * 64)),
    seconds=0.3,
)


def test_stage_is_read_back_with_every_process(tmp_path):
    STAGE.write(tmp_path / "provenance.json")
    assert Stage.read(tmp_path / "provenance.json") == STAGE


def test_run_is_read_back_but_is_no_stage(tmp_path):
    made = Run(stages=(STAGE,), evaluation=Evaluation(identity={}, processes=(process(),)))
    made.write(tmp_path / "provenance.json")
    assert Run.read(tmp_path / "provenance.json") == made
    with pytest.raises(UserError, match=r"stage: Field required. It is not the provenance of a st"):
        Stage.read(tmp_path / "provenance.json")


def test_seconds_of_all_processes_count():
    assert total_seconds(STAGE.processes) == 0.3


def test_identity_is_of_every_file_by_its_bytes(tmp_path):
    for name in ("config", "split"):
        (tmp_path / name).write_text(name)
    found = identity(tmp_path / "config", "abc", {"split": tmp_path / "split"})
    assert found == {
        "configuration": sha256(tmp_path / "config"),
        "code": "abc",
        "split": sha256(tmp_path / "split"),
    }


# --- a stage's files, against the provenance beside them ---


@pytest.fixture
def stage(tmp_path):
    """A folder of a stage's files."""
    (tmp_path / "store").mkdir()
    for name in ("weights.pt", "history.csv", "config.json", "split.csv", f"store/{MANIFEST}"):
        (tmp_path / name).write_text(name)
    stage_of(tmp_path).write(tmp_path / "provenance.json")
    return tmp_path


def test_what_the_provenance_names_is_accepted(stage):
    for name in ("weights.pt", "history.csv"):
        check_beside(
            stage / name,
            configuration=stage / "config.json",
            split=stage / "split.csv",
            store=stage / "store" / MANIFEST,
        )


@pytest.mark.parametrize("name", ["weights.pt", "history.csv"])
def test_another_file_is_refused(stage, name):
    (stage / name).write_text("edited")
    with pytest.raises(UserError) as caught:
        check_beside(stage / name)
    assert str(caught.value) == (
        f"{stage / name}: not what {stage / 'provenance.json'} says that the stage left. "
        "Give that file, or train the stage again."
    )


def test_what_was_made_of_another_file_is_refused(stage):
    (stage / "split.csv").write_text("edited")
    with pytest.raises(
        UserError, match=r"split\.csv: not the split that .*weights\.pt was made wi"
    ):
        check_beside(stage / "weights.pt", split=stage / "split.csv")


def test_file_without_provenance_is_taken_as_it_is(stage):
    (stage / "provenance.json").unlink()
    check_beside(stage / "weights.pt", split=stage / "config.json")


def test_encoder_of_another_split_is_not_trained_on(tmp_path):
    """A split that has images which the encoder's has not, for instance."""
    store_and_split(tmp_path)
    pretrain = tmp_path / "pretrain"
    pretrain.mkdir()
    for name in ("weights.pt", "history.csv", "config.json", "split.csv"):
        (pretrain / name).write_text("of another split")
    shutil.copytree(tmp_path / "store", pretrain / "store")
    stage_of(pretrain, stage="pretrain").write(pretrain / "provenance.json")
    effective(tmp_path / "config.json", "kcl", "finetune")
    done = run(
        *("train.py", "--config", tmp_path / "config.json", "--store", tmp_path / "store"),
        *("--split", tmp_path / "split.csv", "--input", f"encoder={pretrain / 'weights.pt'}"),
        *("--output-dir", tmp_path / "finetune", "--scratch", tmp_path / "scratch"),
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path / 'split.csv'}: not the split that {pretrain / 'weights.pt'} was made "
        f"with, says {pretrain / 'provenance.json'}. Give that split, or train the stage again.\n"
    )
    assert not (tmp_path / "finetune").exists()
    assert not (tmp_path / "scratch").exists()
