import pytest
from artefacts import process

from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.results.provenance import (
    Evaluation,
    Run,
    Stage,
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
    run = Run(stages=(STAGE,), evaluation=Evaluation(identity={}, processes=(process(),)))
    run.write(tmp_path / "provenance.json")
    assert Run.read(tmp_path / "provenance.json") == run
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
